"""`manage.py import_events` stores events of a file: the history of a shop."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.progress import progress_bar
from search.api.event_files import EventFileError, import_events


class Command(BaseCommand):
    help = (
        "Stores the events of a CSV or Parquet file with the columns type, at, product or sku, user"
        " or session, and query. Rows that are stored already are not stored again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with progress_bar(options["verbosity"], desc="events", unit=" rows") as bar:
                report = import_events(options["file"], bar.update)
        except EventFileError as error:
            raise CommandError(str(error)) from error
        for row, reason in report.reasons:
            self.stderr.write(f"row {row}: {reason}")
        self.stdout.write(
            f"{report.accepted - report.repeated} events are new, {report.repeated} were stored"
            f" before, {report.unknown} are of products that the catalogue does not have,"
            f" {report.old} are too old, {report.refused} were refused."
        )
