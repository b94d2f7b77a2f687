"""Each question of an operator is answered within two clicks from the first page, on a phone
and on a desktop."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from catalog.models import Generation, LoggedSearch, Product
from indexing.models import IndexingRun

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_shop")]

MAX_CLICKS = 2


@pytest.fixture
def empty_search(generations: list[Generation]) -> LoggedSearch:
    """A search that found nothing."""
    return LoggedSearch.objects.create(
        query_id="0" * 32,
        kind="text",
        words="hammock",
        generation_id=generations[0].pk,
        timings_ms={"total": 20.0},
        filtered=False,
        sort="relevance",
        offset=0,
        products=[],
        features=[],
    )


@pytest.fixture
def first_product(generations: list[Generation]) -> Product:
    return Product.objects.order_by("sku")[0]


class Operator:
    """Somebody who begins at the first page and whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, what: Locator) -> None:
        expect(what).to_be_visible()  # a link in a closed menu would need another click
        what.click()
        self.clicks += 1

    def sees(self, answer: str) -> None:
        expect(self.page.get_by_text(answer).first).to_be_visible()
        assert self.clicks <= MAX_CLICKS


@pytest.fixture
def operator(console: Callable[[str], Page]) -> Operator:
    return Operator(console(""))


@pytest.mark.long
def test_is_search_healthy(generations: list[Generation], operator: Operator) -> None:
    operator.sees("Search works, but something needs your attention.")
    operator.sees("1 photo cannot be read: its product is not found by it.")
    assert operator.clicks == 0


@pytest.mark.long
def test_why_is_this_product_not_found(generations: list[Generation], operator: Operator) -> None:
    operator.page.get_by_label("SKU, number or words of its title").fill("bad")
    operator.click(operator.page.get_by_role("button", name="Look it up"))

    operator.sees("Readable? No, tried")


@pytest.mark.long
def test_why_is_one_of_many_products_not_found(
    generations: list[Generation], first_product: Product, operator: Operator
) -> None:
    operator.page.get_by_label("SKU, number or words of its title").fill("Thing")
    operator.click(operator.page.get_by_role("button", name="Look it up"))
    operator.click(operator.page.get_by_role("link", name=first_product.title, exact=True))

    operator.sees("Searches can find this product by its photos and its words.")


@pytest.mark.long
def test_which_searches_found_nothing(empty_search: LoggedSearch, operator: Operator) -> None:
    operator.click(operator.page.get_by_role("link", name="Which searches found nothing?"))
    operator.click(operator.page.get_by_role("link", name="Searches without results"))

    operator.sees(empty_search.words)


@pytest.mark.long
def test_is_the_new_generation_better(generations: list[Generation], operator: Operator) -> None:
    operator.click(operator.page.get_by_role("link", name="Is the new generation better?"))

    for generation in generations:
        expect(
            operator.page.get_by_role("columnheader", name=f"Generation {generation.pk}")
        ).to_be_visible()
    operator.sees("results in common")


@pytest.mark.long
def test_how_far_is_the_run(moving: IndexingRun, operator: Operator) -> None:
    bar = operator.page.get_by_role("progressbar", name=f"refresh {moving.pk}")
    expect(bar).to_have_attribute("value", "50")
    assert operator.clicks == 0

    operator.click(operator.page.get_by_role("link", name="How far are the runs?"))
    operator.sees("50 of 100 (50 %)")
