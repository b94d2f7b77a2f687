"""`manage.py train_reranker`: learns from the clicks in the search log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalog.reranking import withdraw_reranker
from indexing.clicks.learning import learn_from_clicks
from indexing.clicks.reranker_training import MIN_PAGES, describe_reranker


class Command(BaseCommand):
    help = (
        "Counts how often each product is clicked where it is shown, and trains a reranker on the"
        " clicks. The reranker takes over only if it is better on clicks held out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--off", action="store_true", help="withdraw the reranker; the formula ranks again"
        )

    def handle(self, *args: Any, off: bool, **options: Any) -> None:
        if off:
            withdrawn = withdraw_reranker()
            self.stdout.write(
                "The formula ranks again." if withdrawn else "The formula ranks already."
            )
            return
        report = learn_from_clicks()
        self.stdout.write(f"Click rates of {report.products} products.")
        if report.set_aside:
            self.stdout.write(
                f"{report.set_aside} clicks are too frequent to come from shoppers. They do not"
                " count until you decide: see Bursts of clicks in the console."
            )
        if report.reranker:
            self.stdout.write(describe_reranker(report.reranker))
        else:
            self.stdout.write(f"Fewer than {MIN_PAGES} pages with clicks: no reranker is trained.")
