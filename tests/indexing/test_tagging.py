"""Products are tagged by the words of their text and by their looks, and again when either, or the
vocabulary, changes."""

import pytest

from catalog import vocabulary
from catalog.models import Product, ProductTag, Tag
from catalog.vocabulary import Vocabulary, normalise, vocabulary_for
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, photo, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture(autouse=True)
def _read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vocabulary as it is now, not as it was up to a minute ago."""
    monkeypatch.setattr(vocabulary, "_vocabulary", vocabulary._vocabulary.__wrapped__)


def tags_of(product: Product) -> dict[str, float]:
    return dict(ProductTag.objects.filter(product=product).values_list("tag__slug", "score"))


def test_words_count_in_both_languages_and_looks_count_too() -> None:
    for slug, name, name_ru in [("red", "red", "красный"), ("lamp", "lamp", "лампа")]:
        Tag.objects.create(slug=slug, name=name, name_ru=name_ru)
    by_word = add_product("a", photo("red"), title="Desk lamps")
    by_russian = add_product("b", photo("blue"), title_ru="Настольная лампа")

    rebuild()

    assert tags_of(by_word)["lamp"] == 1.0
    assert tags_of(by_word)["red"] > 0.5
    assert tags_of(by_russian)["lamp"] == 1.0


def test_tags_follow_the_text() -> None:
    Tag.objects.create(slug="sofa", name="sofa", name_ru="диван")
    Tag.objects.create(slug="desk", name="desk", name_ru="стол")
    product = add_product("a", photo(1), title="A sofa")
    rebuild()
    assert tags_of(product).get("sofa") == 1.0

    Product.objects.filter(pk=product.pk).update(title="A desk")
    refresh()

    assert tags_of(product)["desk"] == 1.0
    assert tags_of(product).get("sofa", 0) < 1.0


def test_a_new_word_of_the_vocabulary_reaches_all_products_at_the_next_rebuild(
    encoder: HistogramEncoder,
) -> None:
    product = add_product("a", photo(1), title="A hammock")
    rebuild()
    assert tags_of(product) == {}
    encoder.encoded = 0

    Tag.objects.create(slug="hammock", name="hammock", name_ru="гамак")
    rebuild()

    assert tags_of(product)["hammock"] == 1.0
    assert encoder.encoded == 0


def test_names_are_found_as_whole_words_only() -> None:
    tags = (
        Tag(pk=1, slug="bed", name="bed", name_ru="кровать"),
        Tag(pk=2, slug="tree", name="ёлка", name_ru="ёлка"),
    )
    words = Vocabulary(tags, vocabulary_for(HistogramEncoder()).vectors)

    assert [tag.slug for tag in words.named_in(["Two beds"])] == ["bed"]
    assert words.named_in(["A bedside table", "be", "d"]) == []
    assert [tag.slug for tag in words.named_in(["Елка!"])] == ["tree"]
    assert normalise("Glass  CUPS, ёжик") == "glas cup ежик"
