"""Calibrates the thresholds of the match margin for exact and similar results.

The thresholds are fitted to labelled photos, whose product is known, and to photos of nothing,
which show no product of the catalogue."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from catalog.detection.photo_analysis import analyse_photos, choose_targets
from catalog.imaging.image_decoding import decode_image
from catalog.index.live_index import LiveIndex
from catalog.index.match_margin import MIN_PRODUCTS, Calibration, measure_neighbourhood
from catalog.index.vector_store import vector_store
from catalog.visual.blank import blank_photos, closeness, nearly_blank_photos
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import open_labelled_photo, read_labelled_photos
from indexing.quality.photo_recall import search_products

MIN_RIGHT_SHARE = 0.9  # of the results called exact
CONFIDENCE_DEVIATIONS = 0.84  # standard deviations; a one-sided confidence interval of 80 %
MIN_WEAK_SHARE = 0.95  # of the photos of nothing
MIN_PHOTOS = 30  # labelled photos, to calibrate `exact`
FOLDS = 5  # for cross-validation
BACKGROUNDS = Path(__file__).resolve().parents[1] / "training" / "backgrounds"
INDOOR_NAMES = (
    "apartment",
    "bench",
    "hall",
    "house",
    "kitchen",
    "lab",
    "lobby",
    "store",
    "workshop",
)
SAMPLING_STEP = 2  # half of the outdoor backgrounds are enough
SAMPLE_PHOTOS = 2_000  # of the catalogue
MIN_NOT_BLANK_SHARE = 0.75  # of the catalogue's photos
MIN_BLANK_COSINE = 0.8  # below it, a photo never counts as blank


def measure_calibration(index: LiveIndex, check: Check) -> Calibration:
    """Returns the calibration of an index, measured on the labelled photos, cropped to their boxes,
    and on photos of nothing. Returns the defaults if the catalogue has fewer than MIN_PRODUCTS
    products."""
    enough = index.generation.products >= MIN_PRODUCTS
    nothing = measure_margins_of_nothing(index, check) if enough else []
    if not nothing:
        return Calibration()
    products, margins, right = [], [], []
    for product_id, photo in read_labelled_photos():
        image = open_labelled_photo(photo)
        first = _find_first(index, index.encode_images([image])[0]) if image else None
        if first:
            products.append(product_id)
            margins.append(first[1])
            right.append(first[0] == product_id)
        check()
    return replace(
        calibrate(margins, right, products, nothing), blank=measure_blank_threshold(index)
    )


def measure_blank_threshold(index: LiveIndex) -> float:
    """Returns the threshold of the cosine with a blank photo. A photo at or above it counts as
    blank.

    It is the cosine of the farthest nearly blank photo. In a catalogue of fabrics or paints, or
    with an encoder of colours, most products are equally close to blank photos. The threshold is
    then raised until MIN_NOT_BLANK_SHARE of the catalogue's photos are below it. It is never below
    MIN_BLANK_COSINE."""
    blanks = index.project(index.encode_images(blank_photos()))
    nearly = index.project(index.encode_images(nearly_blank_photos()))
    threshold = max(MIN_BLANK_COSINE, closeness(nearly, blanks).min())
    vectors = vector_store().sample(index.generation, SAMPLE_PHOTOS)
    if len(vectors):
        threshold = max(threshold, np.quantile(closeness(vectors, blanks), MIN_NOT_BLANK_SHARE))
    return float(threshold)


def measure_margins_of_nothing(index: LiveIndex, check: Check) -> list[float]:
    """Returns, for each photo of nothing, the highest margin of a first result over all things in
    the photo. Returns an empty list if the catalogue is too small."""
    highest = []
    for path in find_photos_of_nothing():
        queries = _encode_targets(index, decode_image(path.read_bytes()))
        firsts = [_find_first(index, query) for query in queries]
        if None in firsts:
            return []
        highest.append(max(first[1] for first in firsts if first))
        check()
    return highest


def calibrate(
    margins: Sequence[float],
    right: Sequence[bool],
    products: Sequence[int],
    nothing: Sequence[float],
) -> Calibration:
    """Returns the calibration fitted to these photos, with its cross-validated figures.

    `margins`: of the first results of labelled photos. `right`: whether each first result is the
    product. `products`: the ids of the products. `nothing`: the margins of photos of nothing, at
    least one. With fewer than MIN_PHOTOS labelled photos, only `nothing` counts.

    The figures come from FOLDS folds. All photos of a product are in the same fold."""
    if len(margins) < MIN_PHOTOS:
        margins, right, products = [], [], []
    scores, hits, absent = np.asarray(margins), np.asarray(right, bool), np.asarray(nothing)
    fold_of = {product: n % FOLDS for n, product in enumerate(sorted(set(products)))}
    folds = np.array([fold_of[product] for product in products], int)
    absent_folds = np.arange(len(absent)) % FOLDS
    called_exact, weak = np.zeros(len(scores), bool), np.zeros(len(absent), bool)
    for fold in range(FOLDS):
        held_out, absent_held_out = folds == fold, absent_folds == fold
        others = absent[~absent_held_out] if len(absent) > FOLDS else absent
        fitted = fit_thresholds(scores[~held_out], hits[~held_out], others)
        if fitted.exact is not None:
            called_exact[held_out] = scores[held_out] >= fitted.exact
        weak[absent_held_out] = absent[absent_held_out] < fitted.something
    return replace(
        fit_thresholds(scores, hits, absent),
        photos=len(scores),
        covered=float(called_exact.mean()) if len(scores) else None,
        right=float(hits[called_exact].mean()) if called_exact.any() else None,
        nothing=len(absent),
        weak=float(weak.mean()),
    )


def fit_thresholds(margins: np.ndarray, right: np.ndarray, nothing: np.ndarray) -> Calibration:
    """Returns the thresholds `exact`, `something` and `similar` for these margins.

    A share of MIN_WEAK_SHARE of other photos of nothing is expected below `something` (the quantile
    of split conformal prediction). `similar` is a third of it. `exact` is the lowest margin, not
    below `something`, at or above which at least MIN_RIGHT_SHARE of the results are right. The
    lower confidence bound of that share counts, so that it holds for other photos too."""
    stay_below = min(len(nothing), math.ceil(MIN_WEAK_SHARE * (len(nothing) + 1)))
    highest = max(0.0, np.sort(nothing)[stay_below - 1])
    something = float(np.nextafter(highest, np.inf))
    similar = something / 3
    if not len(margins):
        return Calibration(max(Calibration().exact or 0.0, something), something, similar)
    thresholds = [m for m in np.unique(margins) if _are_reliable(right[margins >= m])]
    exact = max(float(thresholds[0]), something) if thresholds else None
    return Calibration(exact, something, similar)


def wilson_lower_bound(hits: int, trials: int, deviations: float) -> float:
    """Returns the lower bound of Wilson's confidence interval of hits / trials (Wilson, 1927)."""
    share, square = hits / trials, deviations**2
    middle = share + square / (2 * trials)
    half = deviations * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return (middle - half) / (1 + square / trials)


def _are_reliable(right: np.ndarray) -> bool:
    bound = wilson_lower_bound(int(right.sum()), len(right), CONFIDENCE_DEVIATIONS)
    return bound >= MIN_RIGHT_SHARE


def describe_calibration(calibration: Calibration) -> str:
    """Describes for operators the share of results called exact, and its reliability."""
    if not calibration.nothing:
        return "exact is assumed, not measured: too few products"
    weak = (
        f"{calibration.weak:.0%} of {calibration.nothing} photos of nothing have only weak results"
    )
    if not calibration.photos:
        return f"exact is assumed, not measured: too few labelled photos; {weak}"
    if not calibration.covered:
        return f"nothing is called exact: of {calibration.photos} labelled photos too few are right"
    return (
        f"exact for {calibration.covered:.0%} of {calibration.photos} labelled photos held out,"
        f" {calibration.right:.0%} of these right; {weak}"
    )


def find_photos_of_nothing() -> list[Path]:
    """Returns photos of surfaces, landscapes and streets, which show nothing that a shop sells."""
    photos = [
        p for p in sorted(BACKGROUNDS.glob("*.webp")) if not any(w in p.stem for w in INDOOR_NAMES)
    ]
    return photos[::SAMPLING_STEP]


def _encode_targets(index: LiveIndex, image: Image.Image) -> np.ndarray:
    """Returns a vector of the index space for each thing that a search looks for in a photo."""
    targets = choose_targets(analyse_photos([image], False, index.query_encoder))
    return index.to_index_space(np.stack([target.vector for target in targets]))


def _find_first(index: LiveIndex, query: np.ndarray) -> tuple[int, float] | None:
    """Returns the first product for a query and its match margin; None with too few products."""
    found = search_products(index, query)
    near = measure_neighbourhood([similarity for _, similarity in found])
    return (found[0][0], near.margin(found[0][1])) if near else None
