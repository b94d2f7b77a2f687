"""`manage.py bench_console`: measures the pages of the console with a large catalogue."""

from typing import Any

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.test import override_settings

from catalog.console.page_benchmark import fill_logs, measure_pages
from catalog.demo.synthetic import index_synthetic_catalogue, scratch_database
from catalog.index.live_index import IndexNotReady
from catalog.models import Product
from catalog.visual.errors import EncoderError


class Command(BaseCommand):
    help = (
        "Measures the pages of the console: queries, and milliseconds of a request, with N products"
        " and M logged searches in a separate database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--products", type=int, default=100_000, metavar="N")
        parser.add_argument("--searches", type=int, default=200_000, metavar="M")
        parser.add_argument(
            "--keep", action="store_true", help="keep that database, and use a kept one"
        )

    def handle(self, *args: Any, products: int, searches: int, keep: bool, **options: Any) -> None:
        media, hosts = settings.DATA_DIR / "bench", [*settings.ALLOWED_HOSTS, "testserver"]
        call_command("collectstatic", interactive=False, verbosity=0)  # as a start does
        aside = override_settings(MEDIA_ROOT=media, LABELLED_PHOTOS="", ALLOWED_HOSTS=hosts)
        try:
            with scratch_database(f"vitrina_bench_{products}", keep), aside:
                if Product.objects.count() < products:
                    index_synthetic_catalogue(products)
                fill_logs(searches)
                self._print(products, searches)
        except (IndexNotReady, EncoderError) as error:
            raise CommandError(str(error)) from error

    def _print(self, products: int, searches: int) -> None:
        self.stdout.write(f"{products} products, {searches} logged searches")
        self.stdout.write(
            f"{'page':52}{'queries':>8}{'least ms':>10}{'median ms':>11}{'worst ms':>10}"
        )
        for page in measure_pages():
            least, median, worst = np.quantile(page.durations, (0, 0.5, 1))
            self.stdout.write(
                f"{page.page:52}{page.queries:>8}{least:>10.0f}{median:>11.0f}{worst:>10.0f}"
            )
