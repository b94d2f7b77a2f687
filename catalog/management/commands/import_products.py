"""`manage.py import_products FILE` imports products from a file, or from a zip archive."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.importing.dry_run import Preview, PreviewedProduct, preview_file
from catalog.importing.files import ImportFailed, ImportReport, import_file
from catalog.importing.formats.feed import FeedOptions
from catalog.importing.formats.opening import FORMATS
from catalog.models import ImageAddress
from catalog.progress import progress_bar

MAX_SHOWN_ERRORS = 20
MAX_SHOWN_CHARACTERS = 100


class Command(BaseCommand):
    help = (
        "Creates or updates products by sku. Image paths are relative to the file's folder. Photos"
        " at web addresses are fetched afterwards."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a feed, or a zip archive of one with images")
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

    def handle(self, *args: Any, **options: Any) -> None:
        asked = (options["file"], options["format"])
        feed_options = FeedOptions(currency=options["currency"].upper())
        try:
            if options["dry_run"]:
                preview = preview_file(*asked, options["mapping"], feed_options)
                self._show_preview(preview)
                return
            with progress_bar(options["verbosity"], desc="import", unit=" products") as bar:
                report = import_file(
                    *asked,
                    bar.update,
                    mapping=options["mapping"],
                    options=feed_options,
                    images=options["images"],
                )
        except ImportFailed as error:
            raise CommandError(str(error)) from error
        self._show_report(report)

    def _show_report(self, report: ImportReport) -> None:
        self._show_lines(report.errors)
        self._show_lines(report.notes)
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
            for line in describe_product(product):
                self.stdout.write(line)
        self.stdout.write("")
        self._show_lines(preview.errors)
        self._show_lines(preview.notes)
        rest = "" if preview.is_whole or preview.failure else " The file has more."
        self.stdout.write(
            f"{preview.good} of the first {preview.read} products are good,"
            f" {len(preview.errors)} would be refused.{rest} Nothing was written."
        )
        if preview.failure:
            raise CommandError(preview.failure)

    def _show_lines(self, lines: Sequence[tuple[int, str]]) -> None:
        for line, reason in lines[:MAX_SHOWN_ERRORS]:
            self.stderr.write(f"line {line}: {reason}")
        if len(lines) > MAX_SHOWN_ERRORS:
            self.stderr.write(f"… and {len(lines) - MAX_SHOWN_ERRORS} more")


def describe_product(product: PreviewedProduct) -> Iterator[str]:
    """Yields the lines that show a product: its line and sku, and each field that has a value."""
    record = product.record
    yield f"line {product.line}: {record.sku}"
    fields = {
        **record.fields,
        "category": " > ".join(record.category),
        "category_ru": " > ".join(record.category_ru),
        "images": ", ".join(record.images or ()),
        "group": record.group,
        "is_group": record.is_group or None,
        "options": record.options,
        **record.attributes,
    }
    for name, value in fields.items():
        if value not in ("", [], {}, None):
            text = " ".join(str(value).split())
            is_long = len(text) > MAX_SHOWN_CHARACTERS
            yield f"  {name}: {text[:MAX_SHOWN_CHARACTERS]}{'…' if is_long else ''}"
