"""Calibrates the match levels of an index: which results are exact, similar and weak.

Photos of nothing tell from which resemblance on a result is similar. Photos whose product is known
tell from which match margin on a first result is exact: labelled photos of shoppers, or without
these the photos of the self-test."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from catalog.index.live_index import LiveIndex
from catalog.index.match import MIN_PRODUCTS, Calibration
from catalog.index.vector_store import vector_store
from catalog.models import Adapter, Generation
from catalog.quality.retrieval import search_products
from catalog.quality.self_test import MIN_QUERIES, Queries, choose_queries, search_views
from catalog.visual.blank import blank_photos, closeness, nearly_blank_photos
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import open_labelled_photo, read_labelled_photos
from indexing.quality.photos_of_nothing import measure_resemblance
from indexing.quality.word_calibration import measure_word_cosine

MIN_RIGHT_SHARE = 0.9  # of the results called exact
CONFIDENCE_DEVIATIONS = 0.84  # standard deviations; a one-sided confidence interval of 80 %
MIN_PHOTOS = 30  # labelled photos, to calibrate exact
MIN_STRANGER_SHARE = 0.95  # of photos whose product is left out; they are below the thresholds
FARTHEST_SHARE = 0.25  # of the views with a right first result; farther photos are never exact
MIN_SAME_PHOTO_COSINE = 0.95
FOLDS = 5  # for cross-validation
SAMPLE_PHOTOS = 2_000  # of the catalogue
MIN_NOT_BLANK_SHARE = 0.75  # of the catalogue's photos
BLANK_SHARE = 0.9  # products of almost one colour are a little farther than nearly blank photos
MIN_BLANK_COSINE = 0.65  # below it, a photo never counts as blank


@dataclass(frozen=True)
class FirstResults:
    """The first results of n searches by photos whose product is known. `cosines` and `margins`,
    float (n,); `right`, bool (n,): whether the result is the product; `products`, int (n,)."""

    cosines: np.ndarray
    margins: np.ndarray
    right: np.ndarray
    products: np.ndarray

    def __len__(self) -> int:
        return len(self.right)

    def __getitem__(self, rows: np.ndarray) -> "FirstResults":
        return FirstResults(
            self.cosines[rows], self.margins[rows], self.right[rows], self.products[rows]
        )

    @classmethod
    def of(cls, answers: list[tuple[int, list[tuple[int, float]]]]) -> "FirstResults":
        """Returns the first results of pairs of a product and an answer: (product id, cosine) of
        the products found, nearest first. Leaves out answers of fewer than two products."""
        rows = [
            (found[0][1], found[0][1] - found[1][1], found[0][0] == product_id, product_id)
            for product_id, found in answers
            if len(found) > 1
        ]
        cosines, margins, right, products = (np.array([row[n] for row in rows]) for n in range(4))
        return cls(cosines, margins, right.astype(bool), products)


@dataclass(frozen=True)
class Threshold:
    """The least margin and the least cosine of an exact result."""

    margin: float
    cosine: float

    def allows(self, first: FirstResults) -> np.ndarray:
        """Returns whether each first result is exact, bool (n,)."""
        return (first.margins >= self.margin) & (first.cosines >= self.cosine)


def calibrate(owner: Generation | Adapter, index: LiveIndex, check: Check) -> None:
    """Measures the calibration of an index and stores it in `owner`, the generation, or the adapter
    of the index."""
    query_encoder = owner.query_encoder_id if isinstance(owner, Adapter) else owner.encoder_id
    calibration, nothing = measure_calibration(index, query_encoder, check)
    owner.match = asdict(calibration)
    owner.nothing_vectors = nothing.astype(np.float16).tobytes()
    owner.save(update_fields=["match", "nothing_vectors"])


def measure_calibration(
    index: LiveIndex, query_encoder_id: int, check: Check
) -> tuple[Calibration, np.ndarray]:
    """Returns the calibration of an index whose queries the encoder of that id encodes, and the
    vectors of photos of nothing, (n, dimensions). With fewer than MIN_PRODUCTS products, nothing is
    known."""
    word_cosine = measure_word_cosine(index)
    if index.generation.products < MIN_PRODUCTS:
        nothing = np.empty((0, index.generation.encoder.dimensions))
        return Calibration(word_cosine=word_cosine), nothing
    labelled = search_labelled_photos(index, check)
    views, strangers = search_held_out_views(index, query_encoder_id, check)
    enough_views = len(views) >= MIN_QUERIES
    same_product = float(np.median(views.cosines[views.right])) if enough_views else None
    resemblance = measure_resemblance(index, check, same_product)
    calibration = Calibration(
        similar_resemblance=resemblance.threshold,
        blank_cosine=measure_blank_threshold(index),
        nothing_photos=resemblance.photos,
        nothing_weak=resemblance.weak,
        word_cosine=word_cosine,
    )
    if len(labelled) >= MIN_PHOTOS:
        calibration = calibrate_exact(calibration, labelled, strangers, "labelled photos")
    elif enough_views:
        calibration = calibrate_exact(calibration, views, strangers, "views")
    return calibration, resemblance.bank


def search_labelled_photos(index: LiveIndex, check: Check) -> FirstResults:
    """Searches by each labelled photo, cropped to its box."""
    answers = []
    for product_id, photo in read_labelled_photos():
        if image := open_labelled_photo(photo):
            found = search_products(index, index.encode_images([image])[0])
            answers.append((product_id, found))
        check()
    return FirstResults.of(answers)


def search_held_out_views(
    index: LiveIndex, query_encoder_id: int, check: Check
) -> tuple[FirstResults, FirstResults]:
    """Searches by photos of the self-test that are held out, at least MIN_QUERIES of them or none.
    Then leaves out all photos of their products too, which makes them photos of strangers: products
    that the catalogue does not have. Without enough views, photos of all products are strangers.
    Returns (first results of views, of strangers)."""
    queries = choose_queries(index, [query_encoder_id])
    are_views = len(queries.views) >= MIN_QUERIES
    if not are_views:
        queries = choose_queries(index, [query_encoder_id], composed=True)
    answers = list(_search(index, queries, query_encoder_id, check))
    strangers = [
        (product_id, [(other, cosine) for other, cosine in found if other != product_id])
        for product_id, found in answers
    ]
    return FirstResults.of(answers if are_views else []), FirstResults.of(strangers)


def _search(
    index: LiveIndex, queries: Queries, query_encoder_id: int, check: Check
) -> Iterator[tuple[int, list[tuple[int, float]]]]:
    if not queries.views:
        return
    vectors = index.to_index_space(queries.vectors[query_encoder_id])
    for view, found in zip(queries.views, search_views(index, queries.views, vectors), strict=True):
        yield view.product_id, found
        check()


def calibrate_exact(
    calibration: Calibration, first: FirstResults, strangers: FirstResults, source: str
) -> Calibration:
    """Returns the calibration with thresholds for exact, fitted to first results of photos whose
    product is known, and with cross-validated figures. All photos of a product are in the same one
    of FOLDS folds. `strangers`: first results of photos whose product is left out. `source`: as in
    Calibration."""
    numbers = {product: n for n, product in enumerate(sorted(set(first.products.tolist())))}
    folds = np.array([numbers[product] % FOLDS for product in first.products.tolist()])
    is_exact = np.zeros(len(first), bool)
    for fold in range(FOLDS):
        held_out = folds == fold
        if threshold := fit_exact(first[~held_out], strangers, source):
            is_exact[held_out] = threshold.allows(first[held_out])
    threshold = fit_exact(first, strangers, source)
    closest = [MIN_SAME_PHOTO_COSINE]
    if len(strangers):
        closest.append(float(np.quantile(strangers.cosines, MIN_STRANGER_SHARE)))
    return replace(
        calibration,
        exact_margin=threshold.margin if threshold else None,
        exact_cosine=threshold.cosine if threshold else None,
        same_photo_cosine=max(closest),
        source=source,
        queries=len(first),
        exact_share=float(is_exact.mean()),
        exact_right=float(first.right[is_exact].mean()) if is_exact.any() else None,
    )


def fit_exact(first: FirstResults, strangers: FirstResults, source: str) -> Threshold | None:
    """Returns the thresholds for exact, or None if no first results are reliably right.

    The margin is the least one at or above which at least MIN_RIGHT_SHARE of the results are right.
    The lower confidence bound of that share counts, so that it holds for other photos too.

    Views of the catalogue are easier than photos of shoppers, so they need more: a margin that only
    a share of 1 - MIN_STRANGER_SHARE of strangers reach, and a cosine like those from which this is
    known. A photo that is farther from its nearest product than most views is unlike the views."""
    if not first.right.any():
        return None
    cosine, least = -1.0, -np.inf
    if source == "views":
        cosine = float(np.quantile(first.cosines[first.right], FARTHEST_SHARE))
        least = float(np.quantile(strangers.margins, MIN_STRANGER_SHARE))
    near = first[first.cosines >= cosine]
    reliable = [m for m in np.unique(near.margins) if _are_reliable(near.right[near.margins >= m])]
    return Threshold(max(float(reliable[0]), least), cosine) if reliable else None


def wilson_lower_bound(hits: int, trials: int, deviations: float) -> float:
    """Returns the lower bound of Wilson's confidence interval of hits / trials (Wilson, 1927)."""
    share, square = hits / trials, deviations**2
    middle = share + square / (2 * trials)
    half = deviations * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return (middle - half) / (1 + square / trials)


def _are_reliable(right: np.ndarray) -> bool:
    bound = wilson_lower_bound(int(right.sum()), len(right), CONFIDENCE_DEVIATIONS)
    return bound >= MIN_RIGHT_SHARE


def measure_blank_threshold(index: LiveIndex) -> float:
    """Returns the threshold of the cosine with a blank photo. A photo at or above it counts as
    blank.

    It is BLANK_SHARE of the cosine of the farthest nearly blank photo. In a catalogue of fabrics or
    paints, or with an encoder of colours, most products are equally close to blank photos. The
    threshold is then raised until MIN_NOT_BLANK_SHARE of the catalogue's photos are below it. It is
    never below MIN_BLANK_COSINE."""
    blanks = index.project(index.encode_images(blank_photos()))
    nearly = index.project(index.encode_images(nearly_blank_photos()))
    threshold = max(MIN_BLANK_COSINE, BLANK_SHARE * closeness(nearly, blanks).min())
    vectors = vector_store().sample(index.generation, SAMPLE_PHOTOS)
    if len(vectors):
        threshold = max(threshold, np.quantile(closeness(vectors, blanks), MIN_NOT_BLANK_SHARE))
    return float(threshold)


def describe_calibration(calibration: Calibration) -> str:
    """Describes for operators what is known about match levels, and how reliable it is."""
    if calibration.similar_resemblance is None:
        return (
            "not calibrated, so no result is called exact: the index has too few products, or an"
            " older version built it"
        )
    nothing = (
        f"{calibration.nothing_weak:.0%} of {calibration.nothing_photos} photos of nothing have"
        " only weak results"
    )
    if not calibration.source:
        return (
            "not calibrated, so no result is called exact: fewer than"
            f" {MIN_QUERIES} products have several photos; {nothing}"
        )
    held_out = f"{calibration.queries} {calibration.source} held out"
    if not calibration.exact_share:
        return f"no result is called exact: of {held_out} too few are right; {nothing}"
    return (
        f"exact for {calibration.exact_share:.0%} of {held_out}, {calibration.exact_right:.0%} of"
        f" these right; {nothing}"
    )
