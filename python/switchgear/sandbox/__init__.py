"""A local fake maintenance system that speaks OData V4 and REST, fast, deterministic, and faulty on request.

>>> from switchgear.sandbox import Sandbox
>>> with Sandbox(records=20_000) as box:
...     box.odata_url, box.rest_url, box.stats(), next(box.truth("WorkOrders"))
"""

from __future__ import annotations

from .box import Sandbox
from .faults import KINDS, Fault
from .records import Dataset
from .rest import STYLES

__all__ = ["KINDS", "STYLES", "Dataset", "Fault", "Sandbox"]
