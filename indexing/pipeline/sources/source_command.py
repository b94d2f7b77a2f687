"""`manage.py index sources …`: lists, adds and removes sources, pulls them, and undoes imports."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.utils import timezone

from catalog.importing.errors import ImportFailed
from catalog.importing.formats.opening import FORMATS
from catalog.importing.history.line_report import check_report, report_lines, write_report
from catalog.importing.history.operators import command_operator
from catalog.importing.history.undoing import describe_undo
from catalog.models import ProductImport, RefusedLine, Source
from indexing.models import IndexingRun
from indexing.pipeline.sources import source_actions
from indexing.pipeline.sources.import_run import start_imports
from indexing.pipeline.sources.source_actions import SourceError

WorkOn = Callable[[IndexingRun], None]
"""Works on a run in this process until it is finished, with a progress bar."""

MAX_SHOWN_LINES = 5
NAMED = {
    "undo": "take the last import of a source back",
    "remove": "remove a source; its products stay",
    "confirm": "hide what the feed no longer has, and import the rest",
    "discard": "discard an import that waits for a decision",
}


def add_source_arguments(parser: ArgumentParser) -> None:
    """Adds the actions of `index sources`. Without one, it lists the sources."""
    steps = parser.add_subparsers(dest="step")
    steps.add_parser("list", help="list the sources, with their last result and next pull")
    add = steps.add_parser("add", help="add a source and pull it")
    add.add_argument("address", help="a web address, or the path of a file below IMPORT_ROOT")
    add.add_argument("--name", default="", help="default: the address")
    add.add_argument("--format", choices=FORMATS, default="", help="default: found by the content")
    add.add_argument("--mapping", type=Path, help="a JSON file: which column is which field")
    add.add_argument("--currency", default="", help="the code for prices that name none")
    add.add_argument(
        "--partial", action="store_true", help="it only adds and changes, and hides nothing"
    )
    add.add_argument("--cron", default="", help="when it is pulled; default: SOURCE_CRON")
    add.add_argument("--no-pull", action="store_true", help="leave the first pull to the worker")
    pull = steps.add_parser("pull", help="pull a source, or all that are enabled")
    pull.add_argument("name", nargs="?", help="default: all that are enabled")
    pull.add_argument(
        "--all", action="store_true", help="compare every row with the catalogue, changed or not"
    )
    pull.add_argument(
        "--report", type=Path, metavar="CSV", help="write refused and noted lines to it"
    )
    for name, meaning in NAMED.items():
        steps.add_parser(name, help=meaning).add_argument("name")


def handle_sources(options: dict[str, Any], work_on: WorkOn) -> Iterator[str]:
    """Does what the arguments say, and yields sentences. Raises SourceError."""
    step = options["step"] or "list"
    by = command_operator("index sources")
    if step == "list":
        yield from list_sources()
    elif step == "add":
        source = _add(options)
        yield f"The source {source.name} is added."
        if not options["no_pull"]:
            yield from _pull([source], by, work_on)
    elif step == "pull":
        chosen = [_find(options["name"])] if options["name"] else _enabled()
        _check_report(chosen, options["report"])
        yield from _pull(chosen, by, work_on, options["all"])
        if options["report"]:
            yield _write_report(chosen[0], options["report"])
    elif step == "remove":
        source = _find(options["name"])
        source.delete()
        yield f"The source {options['name']} is removed. Its products stay in the catalogue."
    elif step == "undo":
        yield from _undo(_find(options["name"]), by, work_on)
    elif step == "confirm":
        source = _find(options["name"])
        source_actions.confirm_hiding(source, by)
        yield from _work_until_pulled([source], work_on)
    else:
        yield source_actions.discard_import(_find(options["name"]), by)


def list_sources() -> Iterator[str]:
    """Yields a few lines for each source."""
    for source in Source.objects.all():
        kind = "full" if source.is_full else "partial"
        yield f"{source.name}: {source.address} ({source.format or 'any format'}, {kind})"
        if source.error:
            yield f"  failed {source.attempts} times: {source.error}"
        elif source.pulled_at:
            yield f"  {source.pulled_at:%Y-%m-%d %H:%M}: {source.result}"
        due = f"{source.next_at:%Y-%m-%d %H:%M} UTC" if source.next_at else "–"
        yield f"  next pull: {due}" if source.enabled else "  is not enabled"
    if not Source.objects.exists():
        yield "There is no source. 'index sources add ADDRESS' adds one."


def _add(options: dict[str, Any]) -> Source:
    return source_actions.add_source(
        options["name"] or options["address"][:100],
        options["address"],
        format=options["format"],
        mapping=_read_mapping(options["mapping"]) if options["mapping"] else {},
        currency=options["currency"].upper(),
        is_full=not options["partial"],
        cron=options["cron"],
    )


def _read_mapping(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path.name}: the mapping is not valid JSON: {error}.") from error


def _find(name: str) -> Source:
    source = Source.objects.filter(name=name).first()
    if source is None:
        raise SourceError(f"There is no source {name!r}.")
    return source


def _enabled() -> list[Source]:
    found = list(Source.objects.filter(enabled=True))
    if not found:
        raise SourceError("There is no source that is enabled.")
    return found


def _pull(
    sources: list[Source], by: str, work_on: WorkOn, reads_all: bool = False
) -> Iterator[str]:
    for source in sources:
        if not source_actions.is_pulled(source):  # or this process joins the run that pulls it
            source_actions.request_pull(source, by, reads_all=reads_all)
    yield from _work_until_pulled(sources, work_on)


def _work_until_pulled(sources: list[Source], work_on: WorkOn) -> Iterator[str]:
    """Works on runs until the sources are pulled. A run that was planned before does not have
    them, so there may be two."""
    began = timezone.now()
    pks = [source.pk for source in sources]
    while any(map(source_actions.is_pulled, sources)) or (
        Source.objects.due(began).filter(pk__in=pks).exists()
    ):
        work_on(start_imports())
    failed = []
    for source in Source.objects.filter(pk__in=pks):
        yield f"{source.name}: {source.error or source.result}"
        for last in source.imports.filter(finished_at__gte=began)[:1]:
            yield from _describe_refused(last)
        failed += [source.name] if source.error else []
    if failed:
        raise SourceError(f"Could not be pulled: {', '.join(failed)}. The worker tries again.")


def _describe_refused(last: ProductImport) -> Iterator[str]:
    """Yields the first refused lines of an import, with their reasons."""
    refused = RefusedLine.objects.filter(product_import=last)
    for row in refused[:MAX_SHOWN_LINES]:
        yield f"  line {row.line}, {row.sku or 'no SKU'}: {row.reason}"
    if (more := refused.count() - MAX_SHOWN_LINES) > 0:
        yield f"  … and {more:,} more. 'index sources pull NAME --report FILE' writes all of them."


def _undo(source: Source, by: str, work_on: WorkOn) -> Iterator[str]:
    undoing = source.imports.filter(state=ProductImport.State.UNDOING).first()
    undone = undoing or source_actions.undo_last(source, by)
    while ProductImport.objects.filter(pk=undone.pk, state=ProductImport.State.UNDOING).exists():
        work_on(start_imports())
    undone.refresh_from_db()
    yield describe_undo(undone)


def _check_report(sources: list[Source], path: Path | None) -> None:
    if path is not None and len(sources) != 1:
        raise SourceError("Name one source for --report.")
    try:
        check_report(path)
    except ImportFailed as error:
        raise SourceError(str(error)) from error


def _write_report(source: Source, path: Path) -> str:
    """Writes the refused and noted lines of the last import of a source to a file."""
    last = source.imports.first()
    try:
        write_report(report_lines(last) if last else (), path)
    except ImportFailed as error:
        raise SourceError(str(error)) from error
    return f"{path}: {last.refused if last else 0:,} refused lines of the last import."
