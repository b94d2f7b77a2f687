"""`manage.py import_products FILE` imports products from a file, an archive or a web address, and
takes the last such import back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.console.audit_log import record
from catalog.importing.dry_run import Preview, preview_file
from catalog.importing.fetching.guarded_client import FetchFailed
from catalog.importing.fetching.web_address import is_address
from catalog.importing.files import ImportFailed, ImportReport, import_file
from catalog.importing.formats.feed import FeedOptions
from catalog.importing.formats.opening import FORMATS
from catalog.importing.history.line_report import check_report, csv_lines, write_report
from catalog.importing.history.operators import command_operator
from catalog.importing.history.recorded_imports import recorded_import, settle_imports
from catalog.importing.history.undoing import (
    UndoRefused,
    describe_undo,
    last_import,
    request_undo,
    undo_import,
)
from catalog.importing.sources.feed_files import open_feed_place
from catalog.models import ImageAddress
from catalog.progress import progress_bar

MAX_SHOWN_ERRORS = 20
NAME = "import_products"


class Command(BaseCommand):
    help = (
        "Creates or updates products by sku. Image paths are relative to the file's folder. Photos"
        " at web addresses are fetched afterwards."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            help="a feed, a zip archive of one with images, or the web address of either",
        )
        parser.add_argument(
            "--format", choices=FORMATS, help="default: found by the content of the file"
        )
        parser.add_argument(
            "--mapping", type=Path, help="a JSON file that says which column is which field"
        )
        parser.add_argument(
            "--currency", default="", help="the code, such as USD, for prices that name none"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what the file says, and write nothing"
        )
        parser.add_argument(
            "--images", type=Path, metavar="ZIP", help="a zip archive that holds the images"
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="CSV",
            help="write refused and noted lines to this file",
        )
        parser.add_argument(
            "--undo", action="store_true", help="take the last import of this command back"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["undo"]:
            record(command_operator(NAME), "undo import")
            self._undo(options["verbosity"])
            return
        if not options["file"]:
            raise CommandError("Name a file or a web address.")
        feed_options = FeedOptions(currency=options["currency"].upper())
        try:
            check_report(None if options["dry_run"] else options["report"])
            with _open_place(options["file"]) as path:
                asked = (path, options["format"])
                if options["dry_run"]:
                    self._show_preview(preview_file(*asked, options["mapping"], feed_options))
                    return
                record(command_operator(NAME), "import file", options["file"])
                report = self._import(asked, feed_options, options)
        except (ImportFailed, FetchFailed) as error:
            raise CommandError(str(error)) from error
        self._show_report(report)

    def _import(
        self, asked: tuple[Path, str | None], feed_options: FeedOptions, options: dict[str, Any]
    ) -> ImportReport:
        report = ImportReport()
        try:
            with (
                recorded_import(options["file"], command_operator(NAME), report) as keeper,
                progress_bar(options["verbosity"], desc="import", unit=" products") as bar,
            ):
                import_file(
                    *asked,
                    bar.update,
                    mapping=options["mapping"],
                    options=feed_options,
                    images=options["images"],
                    keeper=keeper,
                    report=report,
                )
        finally:
            if options["report"]:
                lines = csv_lines(report.refused_lines(), report.notes)
                write_report(lines, options["report"])
        return report

    def _undo(self, verbosity: int) -> None:
        settle_imports()
        last = last_import(None)
        if last is None:
            raise CommandError("There is no import to take back.")
        try:
            if last.state != last.State.UNDOING:  # or an undo was interrupted
                last = request_undo(last, command_operator(NAME))
        except UndoRefused as error:
            raise CommandError(str(error)) from error
        with progress_bar(verbosity, desc="undo", unit=" rows") as bar:
            undone = undo_import(last, report=lambda done: bar.update(done - bar.n))
        self.stdout.write(describe_undo(undone))

    def _show_report(self, report: ImportReport) -> None:
        self._show_lines(report.errors)
        self._show_lines(report.notes, report.noted)
        self.stdout.write(f"{report.written} products written, {len(report.errors)} refused.")
        if waiting := ImageAddress.objects.due().count():
            self.stdout.write(
                f"Photos to fetch from their addresses: {waiting}. The worker begins within a"
                " minute; 'index fetch' begins now."
            )
        if report.proposed:
            self.stdout.write(
                f"Words proposed as tags: {report.proposed}. Accept or refuse them in the console"
                " under Catalogue, Tags."
            )
        if report.errors:
            raise CommandError("Some products were refused; the others are in the catalogue.")

    def _show_preview(self, preview: Preview) -> None:
        self.stdout.write(f"Format: {preview.format} ({preview.encoding})")
        for name, field in preview.understood.items():
            self.stdout.write(f"  understood: {name}" + (f" as {field}" if field != name else ""))
        for name in preview.ignored:
            self.stdout.write(f"  ignored: {name}")
        for product in preview.products:
            self.stdout.write("")
            self.stdout.write(f"line {product.line}: {product.record.sku}")
            for name, text in product.shown_fields():
                self.stdout.write(f"  {name}: {text}")
        self.stdout.write("")
        self._show_lines(preview.errors)
        self._show_lines(preview.notes)
        self.stdout.write(preview.describe())
        if preview.failure:
            raise CommandError(preview.failure)

    def _show_lines(self, lines: Sequence[tuple[int, str]], count: int = 0) -> None:
        """Shows the first lines of `count`, by default of all that are given."""
        for line, reason in lines[:MAX_SHOWN_ERRORS]:
            self.stderr.write(f"line {line}: {reason}")
        if (more := max(count, len(lines)) - MAX_SHOWN_ERRORS) > 0:
            self.stderr.write(f"… and {more} more")


@contextmanager
def _open_place(text: str) -> Iterator[Path]:
    """Opens a feed within the context. A command may read any file."""
    if not is_address(text):
        yield Path(text)
        return
    with open_feed_place(text) as feed:
        assert feed is not None  # the request had no conditions
        yield feed.path
