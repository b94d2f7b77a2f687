"""From what margin on a result may be called exact, measured on photos whose product is known and
on photos of nothing that the catalogue has."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from psycopg import sql

from catalog.detection.photo_analysis import analyse_photos, choose_targets
from catalog.imaging.image_decoding import decode_image
from catalog.index.live_index import LiveIndex
from catalog.index.match_margin import MIN_PRODUCTS, Calibration, neighbourhood_of
from catalog.index.vectors import read_rows
from catalog.visual.blank import blank_photos, closeness, nearly_blank_photos
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import labelled_photos, open_labelled
from indexing.quality.photo_recall import as_searched

RIGHT = 0.9  # of what is called exact, at least
DEVIATIONS = 0.84  # of the confidence interval: one-sided, 80 %
NOTHING = 0.95  # of the photos of nothing have no first result that is something
LEAST_PHOTOS = 30
FOLDS = 5  # each is judged by what the others were fitted on
BACKGROUNDS = Path(__file__).resolve().parents[1] / "training" / "backgrounds"
INDOORS = ("apartment", "bench", "hall", "house", "kitchen", "lab", "lobby", "store", "workshop")
SAMPLING_STEP = 2  # of the others is enough
SAMPLE = 2_000  # photos of the catalogue
NOT_BLANK = 0.75  # of the catalogue's photos show something, whatever the encoder makes of them
LEAST_BLANK = 0.8  # a smaller cosine is no likeness, however far nearly blank photos lie apart


def measure_calibration(index: LiveIndex, check: Check) -> Calibration:
    """By the labelled photos, cut to their box, and by photos of nothing. The defaults where the
    catalogue has too few products to stand out from."""
    enough = index.generation.products >= MIN_PRODUCTS
    nothing = standings_of_nothing(index, check) if enough else []
    if not nothing:
        return Calibration()
    products, margins, right = [], [], []
    for product_id, photo in labelled_photos():
        image = open_labelled(photo)
        first = _first(index, index.encode_images([image])[0]) if image else None
        if first:
            products.append(product_id)
            margins.append(first[1])
            right.append(first[0] == product_id)
        check()
    return replace(calibrate(margins, right, products, nothing), blank=blank_from(index))


def blank_from(index: LiveIndex) -> float:
    """The cosine with a blank photo from which on a photo counts as blank: that of the nearly blank
    photo farthest from them. In a catalogue of fabrics or paints, or by an encoder of colours, most
    products are as close: then from what NOT_BLANK of them stay below. LEAST_BLANK at least."""
    blanks = index.project(index.encode_images(blank_photos()))
    nearly = index.project(index.encode_images(nearly_blank_photos()))
    least = max(LEAST_BLANK, closeness(nearly, blanks).min())
    vectors = _sample_of(index)
    if len(vectors):
        least = max(least, np.quantile(closeness(vectors, blanks), NOT_BLANK))
    return float(least)


def standings_of_nothing(index: LiveIndex, check: Check) -> list[float]:
    """The highest margin that a first result has for anything in each of `photos_of_nothing`;
    none where the catalogue is too small."""
    highest = []
    for path in photos_of_nothing():
        firsts = [_first(index, one) for one in _looked_at(index, decode_image(path.read_bytes()))]
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
    """`margins` of the first results of labelled photos, whether they were `right`, of which
    `products` the photos are, and margins of the first results of photos of `nothing`. With fewer
    than LEAST_PHOTOS, only `nothing` counts; that has one at least.

    What it reaches is measured in FOLDS parts, with all photos of a product in one."""
    if len(margins) < LEAST_PHOTOS:
        margins, right, products = [], [], []
    scores, hits, none = np.asarray(margins), np.asarray(right, bool), np.asarray(nothing)
    fold_of = {product: n % FOLDS for n, product in enumerate(sorted(set(products)))}
    folds = np.array([fold_of[product] for product in products], int)
    folds_of_none = np.arange(len(none)) % FOLDS
    called, quiet = np.zeros(len(scores), bool), np.zeros(len(none), bool)
    for fold in range(FOLDS):
        mine, my_none = folds == fold, folds_of_none == fold
        fitted = fit(scores[~mine], hits[~mine], none[~my_none] if len(none) > FOLDS else none)
        if fitted.exact is not None:
            called[mine] = scores[mine] >= fitted.exact
        quiet[my_none] = none[my_none] < fitted.something
    return replace(
        fit(scores, hits, none),
        photos=len(scores),
        covered=float(called.mean()) if len(scores) else None,
        right=float(hits[called].mean()) if called.any() else None,
        nothing=len(none),
        weak=float(quiet.mean()),
    )


def fit(margins: np.ndarray, right: np.ndarray, nothing: np.ndarray) -> Calibration:
    """`something` is what NOTHING of other photos of nothing may be expected to stay below (the
    quantile of split conformal prediction); `similar` is a third of it. `exact` is no less, and the
    least margin from which on at least RIGHT are right, by the lower end of their confidence
    interval, so that it holds for other photos too."""
    stay_below = min(len(nothing), math.ceil(NOTHING * (len(nothing) + 1)))
    highest = max(0.0, np.sort(nothing)[stay_below - 1])
    something = float(np.nextafter(highest, np.inf))
    similar = something / 3
    if not len(margins):
        return Calibration(max(Calibration().exact or 0.0, something), something, similar)
    sure = [margin for margin in np.unique(margins) if _surely_right(right[margins >= margin])]
    exact = max(float(sure[0]), something) if sure else None
    return Calibration(exact, something, similar)


def lower_bound(hits: int, trials: int, deviations: float) -> float:
    """The lower end of Wilson's confidence interval of a share (Wilson, 1927)."""
    share, square = hits / trials, deviations**2
    middle = share + square / (2 * trials)
    half = deviations * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return (middle - half) / (1 + square / trials)


def _surely_right(right: np.ndarray) -> bool:
    return lower_bound(int(right.sum()), len(right), DEVIATIONS) >= RIGHT


def in_words(found: Calibration) -> str:
    """What is called exact, and how sure that is, as a sentence for operators."""
    if not found.nothing:
        return "exact is assumed, not measured: too few products"
    weak = f"{found.weak:.0%} of {found.nothing} photos of nothing have only weak results"
    if not found.photos:
        return f"exact is assumed, not measured: there are no labelled photos; {weak}"
    if not found.covered:
        return f"nothing is called exact: of {found.photos} labelled photos too few are right"
    return (
        f"exact for {found.covered:.0%} of {found.photos} labelled photos held out,"
        f" {found.right:.0%} of these right; {weak}"
    )


def photos_of_nothing() -> list[Path]:
    """Photos of surfaces, landscapes and streets, in which nothing is that a shop might have."""
    photos = [
        p for p in sorted(BACKGROUNDS.glob("*.webp")) if not any(w in p.stem for w in INDOORS)
    ]
    return photos[::SAMPLING_STEP]


def _sample_of(index: LiveIndex) -> np.ndarray:
    """About SAMPLE vectors of the catalogue's photos, float32 (n, 128); all if they are fewer."""
    percent = min(100.0, 100.0 * SAMPLE / max(1, index.generation.images))
    query = sql.SQL("SELECT vector FROM {} TABLESAMPLE BERNOULLI ({})").format(
        sql.Identifier(index.generation.vector_table), sql.Literal(percent)
    )
    vectors = [row[0] for row in read_rows(query, ["halfvec"])]
    return np.array(vectors, np.float32)


def _looked_at(index: LiveIndex, image: Image.Image) -> np.ndarray:
    """Vectors of the index space of what a search would look for in a photo."""
    targets = choose_targets(analyse_photos([image], False, index.query_encoder))
    return index.to_index_space(np.stack([target.vector for target in targets]))


def _first(index: LiveIndex, query: np.ndarray) -> tuple[int, float] | None:
    """The first product for a query and its margin, where there are products enough."""
    found = as_searched(index, query)
    near = neighbourhood_of([similarity for _, similarity in found])
    return (found[0][0], near.margin(found[0][1])) if near else None
