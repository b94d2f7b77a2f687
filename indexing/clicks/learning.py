"""Learns click rates and a reranker from the clicks in the search log."""

from dataclasses import dataclass

from catalog.models import ClickBurst, Reranker
from indexing.clicks.click_rates import update_click_rates
from indexing.clicks.reranker_training import train_reranker


@dataclass(frozen=True)
class LearningReport:
    """`products`: the number of products with a click rate. `set_aside`: the number of clicks in
    bursts that await a decision. `reranker`: None if there are too few clicks to train one."""

    products: int
    set_aside: int
    reranker: Reranker | None


def learn_from_clicks(may_take_over: bool = True) -> LearningReport:
    """Updates the click rates and trains a reranker. `may_take_over`: whether a better
    reranker is activated."""
    products = update_click_rates()
    reranker = train_reranker(may_take_over)
    return LearningReport(products, ClickBurst.objects.undecided().clicks(), reranker)
