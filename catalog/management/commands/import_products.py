"""`manage.py import_products FILE` imports products from a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.importing.files import READERS, ImportFailed, import_file
from catalog.progress import progress_bar

MAX_SHOWN_ERRORS = 20


class Command(BaseCommand):
    help = "Creates or updates products by sku. Image paths are relative to the file's folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--format", choices=sorted(READERS), help="default: the extension of the file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with progress_bar(options["verbosity"], desc="import", unit=" products") as bar:
            try:
                report = import_file(options["file"], options["format"], bar.update)
            except ImportFailed as error:
                raise CommandError(str(error)) from error
        for line, reason in report.errors[:MAX_SHOWN_ERRORS]:
            self.stderr.write(f"line {line}: {reason}")
        if len(report.errors) > MAX_SHOWN_ERRORS:
            self.stderr.write(f"… and {len(report.errors) - MAX_SHOWN_ERRORS} more")
        self.stdout.write(f"{report.written} products written, {len(report.errors)} refused.")
        if report.proposed:
            self.stdout.write(
                f"{report.proposed} words are proposed as tags. Accept or refuse them in the"
                " console under Catalog, Tags."
            )
        if report.errors:
            raise CommandError("Some products were refused; the others are in the catalogue.")
