"""`manage.py train_reranker`: learns from the clicks in the search log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from catalog.models import ClickBurst
from catalog.reranking import withdraw_reranker
from indexing.clicks.click_rates import update_click_rates
from indexing.clicks.reranker_training import LEAST_PAGES, described, train_reranker


class Command(BaseCommand):
    help = (
        "Counts how often products are opened where they are shown, and learns from clicks what"
        " makes a result good. What was learnt ranks only if it is better on clicks held out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--off", action="store_true", help="let the formula rank again")

    def handle(self, *args: Any, off: bool, **options: Any) -> None:
        if off:
            was = withdraw_reranker()
            self.stdout.write("The formula ranks again." if was else "The formula ranks already.")
            return
        self.stdout.write(f"Click rates of {update_click_rates()} products.")
        if set_aside := ClickBurst.objects.undecided().clicks():
            self.stdout.write(
                f"{set_aside} clicks came too thick and are set aside: see Bursts of clicks in the"
                " console."
            )
        reranker = train_reranker()
        few = f"Fewer than {LEAST_PAGES} pages with clicks: there is nothing to learn from yet."
        self.stdout.write(described(reranker) if reranker else few)
