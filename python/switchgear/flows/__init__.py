"""Flows: users' own workflows, whose every execution is a run that goes on where it was after a crash.

@hub.flow("close-stale", schedule="0 6 * * *")
def close_stale(ctx):
    stale = ctx.step("find", lambda: ctx.read("plant", "WorkOrders", where=[("Status", "=", "STALE")]).to_pylist())
    for batch in ctx.batches(stale, size=50, delay=0.5, on_error="10%"):
        ctx.write("plant", "WorkOrders", [{"Number": row["Number"], "Status": "CLOSED"} for row in batch])
"""

from __future__ import annotations

from switchgear.flows.batches import Batch, Batches
from switchgear.flows.context import FlowContext
from switchgear.flows.definition import Flow
from switchgear.flows.hub_flows import FlowInfo, HubFlows
from switchgear.flows.runs import FlowRun, FlowStepRun

__all__ = ["Batch", "Batches", "Flow", "FlowContext", "FlowInfo", "FlowRun", "FlowStepRun", "HubFlows"]
