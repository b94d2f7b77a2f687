"""From what standing on a result may be called exact, measured on photos whose product is known and
on photos of nothing that the catalogue has."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from catalog.live_index import LiveIndex
from catalog.standing import Calibration, spread_of
from catalog.visual.image_decoding import crop_to_box, decode_image
from catalog.visual.objects import objects_in
from indexing.labelled import labelled_photos, open_labelled
from indexing.photo_recall import as_searched
from indexing.planning import Check

RIGHT = 0.9  # of what is called exact, at least
DEVIATIONS = 0.84  # of the confidence interval: one-sided, 80 %
NOTHING = 0.95  # of the photos of nothing have no first result that is something
LEAST_PHOTOS = 30
BACKGROUNDS = Path(__file__).resolve().parent / "training" / "backgrounds"
INDOORS = ("apartment", "bench", "hall", "house", "kitchen", "lab", "lobby", "store", "workshop")
EVERY = 2  # of the others is enough


def measure_calibration(index: LiveIndex, check: Check) -> Calibration:
    """By the labelled photos, cut to their box, and by photos of nothing."""
    standings, right = [], []
    for product_id, photo in labelled_photos():
        image = open_labelled(photo)
        first = _first(index, index.encode_images([image])[0]) if image else None
        if first:
            standings.append(first[1])
            right.append(first[0] == product_id)
        check()
    nothing = []
    for path in photos_of_nothing() if standings else ():
        image = decode_image(path.read_bytes())
        firsts = filter(None, (_first(index, vector) for vector in _looked_at(index, image)))
        nothing.append(max((standing for _, standing in firsts), default=0.0))
        check()
    return calibrate(standings, right, nothing)


def calibrate(
    standings: Sequence[float], right: Sequence[bool], nothing: Sequence[float]
) -> Calibration:
    """`standings` of the first results of labelled photos, whether they were `right`, and standings
    of the first results of photos of `nothing`. The defaults for fewer than LEAST_PHOTOS.

    `exact` is the least standing from which on at least RIGHT are right, by the lower end of their
    confidence interval, so that it holds for other photos too, and no less than `something`."""
    default = Calibration()
    if len(standings) < LEAST_PHOTOS:
        return default
    something = float(np.quantile(nothing, NOTHING)) if len(nothing) else default.something
    similar = min(default.similar, something)
    order = np.argsort(-np.asarray(standings), kind="stable")
    falling, hits = np.asarray(standings)[order], np.cumsum(np.asarray(right)[order])
    sure = [n for n, hit in enumerate(hits, 1) if lower_bound(hit, n, DEVIATIONS) >= RIGHT]
    if not sure:
        return Calibration(None, something, similar, None, 0.0, len(standings))
    exact = max(float(falling[sure[-1] - 1]), something)
    count = int((falling >= exact).sum())
    return Calibration(
        exact,
        something,
        similar,
        right=float(hits[count - 1] / count) if count else None,
        covered=count / len(standings),
        photos=len(standings),
    )


def lower_bound(hits: int, trials: int, deviations: float) -> float:
    """The lower end of Wilson's confidence interval of a share (Wilson, 1927)."""
    share, square = hits / trials, deviations**2
    middle = share + square / (2 * trials)
    half = deviations * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return (middle - half) / (1 + square / trials)


def photos_of_nothing() -> list[Path]:
    """Photos of surfaces, landscapes and streets, in which nothing is that a shop might have."""
    photos = [
        p for p in sorted(BACKGROUNDS.glob("*.webp")) if not any(w in p.stem for w in INDOORS)
    ]
    return photos[::EVERY]


def _looked_at(index: LiveIndex, image: Image.Image) -> np.ndarray:
    """Vectors of the stored space of what a search would look for: the things it takes to be in the
    photo, or all of the photo."""
    encoder = index.query_encoder
    look = encoder.look(encoder.preprocessing.batch([image]))
    if look.candidates is None or encoder.objects is None:
        return index.to_stored(look.vectors)
    found = objects_in(look.candidates[0], image.size, encoder.preprocessing, encoder.objects)
    return index.encode_images([crop_to_box(image, one.box) for one in found] or [image])


def _first(index: LiveIndex, query: np.ndarray) -> tuple[int, float] | None:
    """The first product for a query and its standing, where there are products enough."""
    found = as_searched(index, query)
    spread = spread_of([similarity for _, similarity in found])
    return (found[0][0], spread.standing(found[0][1])) if spread else None
