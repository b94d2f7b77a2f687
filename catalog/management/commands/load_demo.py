"""`manage.py load_demo` loads the demo catalogue."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.demo.load import load_demo
from catalog.importing.files import ImportFailed
from catalog.models import Product
from catalog.progress import progress_bar


class Command(BaseCommand):
    help = "Loads the demo products, photos and vocabulary into an empty catalogue."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force", action="store_true", help="load it even if the catalogue has products"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Product.objects.exists() and not options["force"]:
            self.stdout.write(
                "The catalogue already has products; nothing was loaded. Use --force to load."
            )
            return
        with progress_bar(options["verbosity"], desc="demo", unit=" products") as bar:
            try:
                report = load_demo(bar.update)
            except ImportFailed as error:
                raise CommandError(str(error)) from error
        if report.errors:
            line, reason = report.errors[0]
            raise CommandError(
                f"{len(report.errors)} demo products were refused; line {line}: {reason}"
            )
        self.stdout.write(f"{report.written} demo products are in the catalogue.")
