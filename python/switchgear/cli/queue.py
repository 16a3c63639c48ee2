"""`switchgear queue …`: jobs in the store, and the workers that do them."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switchgear.cli.bars import Bar
from switchgear.cli.options import AsJson, ProjectFile
from switchgear.cli.options import Store as Store
from switchgear.cli.options import open_hub as open_hub
from switchgear.cli.output import plain, print_json, print_table, say
from switchgear.cli.write import SHOWN, Op, records_of

if TYPE_CHECKING:
    from switchgear.hub import Hub
    from switchgear.jobs import Job, JobProgress

queue = typer.Typer(
    name="queue", no_args_is_help=True, rich_markup_mode=None, help="Queue records to be written, and write them."
)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, as `queue list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(queue)


@queue.command()
def submit(
    conn: Annotated[str, typer.Argument(metavar="CONN", help="A connection of the project file or the store.")],
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Where to write.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records as .jsonl, .csv or .parquet.")],
    op: Annotated[Op, typer.Option("--op", help="create, update, upsert or delete.")] = Op.upsert,
    key: Annotated[
        str | None, typer.Option("--key", metavar="A,B", help="Fields of the key: a record without one is refused now.")
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, max=10_000, help="Records a request.")] = 100,
    delay: Annotated[float, typer.Option("--delay", min=0, help="Seconds after each batch.")] = 0.0,
    on_error: Annotated[str, typer.Option("--on-error", help='continue, stop, or a share such as "10%".')] = "continue",
    atomic: Annotated[bool, typer.Option("--atomic", help="All records of a batch or none.")] = False,
    ordered: Annotated[bool, typer.Option("--ordered", help="One batch after the other.")] = False,
    priority: Annotated[int, typer.Option("--priority", help="The higher the sooner.")] = 0,
    not_before: Annotated[
        str | None,
        typer.Option("--not-before", metavar="INSTANT", help="Nothing is sent before it: 2026-11-27T22:00:00+01:00."),
    ] = None,
    max_attempts: Annotated[
        int, typer.Option("--max-attempts", min=1, help="Of a batch, before what is left of it has failed.")
    ] = 5,
    wait: Annotated[bool, typer.Option("--wait", help="Return when workers have done it; 1 unless all is ok.")] = False,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Put the records of a file into the queue: all of them or, when one can't be, none.

    \b
    Examples:
      switchgear queue submit plant WorkOrders orders.csv --key ID
      switchgear queue submit plant WorkOrders closed.jsonl --op update --on-error 10% --wait
      switchgear queue submit plant WorkOrders orders.parquet --priority 5 --json
      switchgear queue submit plant WorkOrders orders.csv --not-before 2026-11-27T22:00:00+01:00
    """
    start = None if not_before is None else _instant(not_before)
    records = records_of(file)
    hub = open_hub(store, project, conn)
    job = hub.queue.submit(
        conn,
        entity,
        records,
        op=op.value,
        key=[name.strip() for name in key.split(",")] if key else None,
        batch_size=batch_size,
        delay=delay,
        on_error=on_error,
        atomic=atomic,
        ordered=ordered,
        priority=priority,
        not_before=start,
        max_attempts=max_attempts,
    )
    if wait:
        with Bar(f"{conn}/{entity}", job.progress.records) as bar:
            job.wait(progress=lambda now: bar.show(now.records - now.pending, _troubles(now)))
    _show(job, as_json, brief=not wait)
    if wait and job.status != "completed":
        raise typer.Exit(1)


@queue.command(name="list")
def list_jobs(
    conn: Annotated[str | None, typer.Argument(metavar="[CONN]", help="Jobs of this connection only.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATE", help="queued, in_progress, paused, completed, failed …")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")] = 50,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first.

    \b
    Examples:
      switchgear queue list
      switchgear queue list plant --status failed --json
    """
    jobs = [job.to_dict() for job in open_hub(store, project).queue.jobs(conn, status=status, limit=limit)]
    if as_json:
        print_json(jobs)
        return
    counts = ("records", "ok", "failed", "unknown", "skipped", "pending")
    rows = [
        (
            job["id"],
            f"{job['connection_id']}/{job['entity']}",
            job["op"],
            job["status"],
            *(job[name] for name in counts),
        )
        for job in jobs
    ]
    print_table(("job", "where", "op", "status", *counts), rows, right=counts)


@queue.command()
def show(job: JobId, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Show a job, and why its records were not written.

    \b
    Examples:
      switchgear queue show 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f
      switchgear queue show 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f --json
    """
    _show(open_hub(store, project).queue.job(job), as_json)


@queue.command()
def retry(
    job: JobId,
    only_retryable: Annotated[
        bool, typer.Option("--only-retryable", help="Leave those for which another try is not worth it.")
    ] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="Also those whose fate is unknown.")] = False,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Put the failed records of a job into the queue again.

    \b
    Examples:
      switchgear queue retry 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f
      switchgear queue retry 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f --unknown
    """
    found = open_hub(store, project).queue.job(job).retry(only_retryable=only_retryable, unknown=unknown)
    _show(found, as_json, brief=True)


@queue.command()
def pause(job: JobId, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Begin no further batch of a job.

    \b
    Examples:
      switchgear queue pause 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f
    """
    _show(open_hub(store, project).queue.job(job).pause(), as_json, brief=True)


@queue.command()
def resume(job: JobId, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Go on with a job that was paused.

    \b
    Examples:
      switchgear queue resume 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f
    """
    _show(open_hub(store, project).queue.job(job).resume(), as_json, brief=True)


@queue.command()
def cancel(job: JobId, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Skip what has not begun of a job.

    \b
    Examples:
      switchgear queue cancel 01990a7c3f0e7b2d8e4f5a6b7c8d9e0f
    """
    _show(open_hub(store, project).queue.job(job).cancel(), as_json, brief=True)


@queue.command()
def work(
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=64, help="Batches under way at once.")] = 4,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Return when nothing is left to do.")] = False,
    lease: Annotated[
        float, typer.Option("--lease", min=0.1, help="Seconds after which others take over from a dead worker.")
    ] = 60.0,
    retention: Annotated[
        float, typer.Option("--retention", min=0, max=36_500, metavar="DAYS", help="Older jobs are removed; 0: none.")
    ] = 90.0,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Write what is queued. Any number of workers may run; Ctrl-C lets what is under way end.

    \b
    Examples:
      switchgear queue work
      switchgear queue work --concurrency 8 --until-idle --json
    """
    hub = open_hub(store, project)
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(hub, ended), daemon=True)
    watcher.start()
    try:
        age = datetime.timedelta(days=retention) if retention else None
        stats = hub.work(concurrency, until_idle=until_idle, lease=lease, retention=age)
    finally:
        ended.set()
        watcher.join()
    counts = {name: getattr(stats, name) for name in ("batches", "given_back", "taken_over", "ok", "failed")}
    if as_json:
        print_json(counts)
    else:
        typer.echo(", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items()))


def _instant(text: str) -> datetime.datetime:
    moment: datetime.datetime | None = None
    with contextlib.suppress(ValueError):
        moment = datetime.datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is no instant with a time zone", param_hint="--not-before")
    return moment


def _watch(hub: Hub, ended: threading.Event) -> None:
    """A bar for all jobs that are under way."""
    with Bar("working", None) as bar:
        while not ended.wait(0.5):
            now = [job.progress for job in hub.queue.jobs(status="in_progress")]
            pending = sum(each.pending for each in now)
            total = sum(each.records for each in now)
            bar.show(total - pending, f"{len(now)} jobs", total)


def _troubles(progress: JobProgress) -> str:
    names = ("failed", "unknown", "skipped")
    return ", ".join(f"{getattr(progress, name):,} {name}" for name in names if getattr(progress, name))


def _show(job: Job, as_json: bool, brief: bool = False) -> None:
    about: dict[str, Any] = job.to_dict()
    if as_json:
        if not brief:
            names = ("index", "key", "state", "category", "code", "message", "hint", "record")
            about["errors"] = [{name: getattr(each, name) for name in names} for each in job.result.outcomes()]
        print_json(about)
        return
    counts = ", ".join(f"{about[name]:,} {name}" for name in ("ok", "failed", "unknown", "skipped", "pending"))
    typer.echo(f"{job.id} {plain(f'{job.connection_id}/{job.entity}')} {job.op}: {about['status']}, {counts}")
    if about["error"]:
        say(plain(f"last: {about['error']['code']}: {about['error']['message']}"))
    if brief:
        return
    outcomes = list(itertools.islice(job.result.outcomes(), SHOWN + 1))
    for outcome in outcomes[:SHOWN]:
        key = f" ({outcome.key})" if outcome.key else ""
        say(plain(f"record {outcome.index}{key} {outcome.state}: {outcome.code}: {outcome.message}"))
    if len(outcomes) > SHOWN:
        say("and more; --json lists them all")
