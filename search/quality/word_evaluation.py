"""Measures searches by words, and by a photo with a word, on made queries: titles, skus, typos,
nonsense, and words that tell a product from another one that looks like it."""

import random
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from catalog.index.vocabulary import normalise
from catalog.models import Product
from catalog.quality.labelled_photos import LabelledPhoto
from search.photo_search import search
from search.quality.evaluation import RESULTS_PER_QUERY, SEARCH_LIMIT_S
from search.quality.figures import Outcome
from search.request import SearchRequest

SAMPLE = 80  # queries of each kind
SKUS = 20
LOOKALIKES = 50  # of a product, among which another one with a word is looked for
MIN_LETTERS = 4  # of a word that is mistyped or tells products apart
CYRILLIC = "абвгдежзиклмнопрстуфхцчшыья"


def evaluate_words(
    photos: Sequence[LabelledPhoto], progress: Callable[[int], None] = lambda n: None
) -> list[Outcome]:
    """Searches by titles that only one product has, typed exactly and with a typo; by skus; by
    nonsense, for which nothing is right; and by photos of one object with a word."""
    draw = random.Random(11)
    products = list(Product.objects.visible().order_by("pk"))
    outcomes = []
    for language, field in (("English", "title"), ("Russian", "title_ru")):
        counts = Counter(getattr(product, field).lower() for product in products)
        unique = [p for p in products if counts[getattr(p, field).lower()] == 1]
        for product in draw.sample(unique, min(SAMPLE, len(unique))):
            title = getattr(product, field)
            outcomes.append(_find(f"{language} title of one product", title, product.sku))
        typed = [title for title in counts if any(len(w) > MIN_LETTERS for w in title.split())]
        for title in draw.sample(sorted(typed), min(SAMPLE, len(typed))):
            right = {p.sku for p in products if getattr(p, field).lower() == title}
            outcomes.append(_find(f"{language} title with a typo", mistype(title, draw), *right))
    for product in draw.sample(products, min(SKUS, len(products))):
        outcomes.append(_find("sku", product.sku, product.sku))
    outcomes += [_find("nonsense, nothing found", text) for text in nonsense(draw)]
    for photo in photos:
        if not photo.scene and not photo.kind:
            outcomes += _search_with_word(photo)
        progress(1)
    return outcomes


def mistype(title: str, draw: random.Random) -> str:
    """Returns the title with one typo in its longest word, after the first letter: two letters
    swapped, one missing, or one doubled."""
    word = max(title.split(), key=len)
    swaps = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    kind, place = draw.choice("smd"), draw.randrange(1, len(word))
    if kind == "s" and swaps:
        place = draw.choice(swaps)
        wrong = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    elif kind == "m":
        wrong = word[:place] + word[place + 1 :]
    else:
        wrong = word[:place] + word[place] + word[place:]
    return title.replace(word, wrong, 1)


def nonsense(draw: random.Random) -> Iterator[str]:
    """Yields texts that name nothing: rows of a keyboard, and random letters."""
    yield from ("asdfghjkl qwerty", "zxcvbnm", "qwertyuiop", "йцукен", "фывапролдж", "xyzzy")
    for letters in (string.ascii_lowercase, CYRILLIC):
        for _ in range((SAMPLE - 6) // 2):
            yield "".join(draw.choices(letters, k=draw.randint(5, 10)))


def _find(kind: str, text: str, *right: str) -> Outcome:
    """Searches by words. Without a right product, an empty answer is right."""
    answer = search(SearchRequest(text=text, limit=RESULTS_PER_QUERY), SEARCH_LIMIT_S)
    skus = [result.product.sku for result in answer.results]
    ranks = (rank for rank, sku in enumerate(skus, 1) if sku in right)
    rank = next(ranks, None) if right else (None if skus else 1)
    return Outcome(kind, rank, answer.timings_ms["total"])


def _search_with_word(photo: LabelledPhoto) -> list[Outcome]:
    """Searches by a photo of a product and a word that its texts lack and that another product has,
    the one that looks most like it of those whose titles have such a word."""
    shown = Product.objects.visible().filter(sku=photo.sku).first()
    found = _find_other(shown) if shown else None
    if found is None:
        return []
    other, word = found
    data = photo.path.read_bytes()
    request = SearchRequest(images=(data,), text=word, limit=RESULTS_PER_QUERY, fold=False)
    answer = search(request, SEARCH_LIMIT_S)
    skus = [result.product.sku for result in answer.results]
    titled = [word in _words(f"{r.product.title}") for r in answer.results]
    match = answer.results[0].match if answer.results else None
    ms = answer.timings_ms["total"]
    return [
        Outcome("photo and word: that product", _rank([s == other for s in skus]), ms, match=match),
        Outcome("photo and word: any with the word", _rank(titled), ms, match=match),
    ]


def _find_other(product: Product) -> tuple[str, str] | None:
    own = _words(" ".join([product.title, product.title_ru, *product.keywords]))
    request = SearchRequest(product_id=product.pk, limit=LOOKALIKES, fold=False)
    for result in search(request, SEARCH_LIMIT_S).results:
        others = [w for w in normalise(result.product.title).split() if w not in own]
        if word := next((w for w in others if w.isalpha() and len(w) >= MIN_LETTERS), None):
            return result.product.sku, word
    return None


def _words(text: str) -> set[str]:
    return set(normalise(text).split())


def _rank(hits: Sequence[bool]) -> int | None:
    return hits.index(True) + 1 if True in hits else None
