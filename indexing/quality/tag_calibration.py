"""Calibrates the tags that photos are given, on the catalogue itself.

A photo is scored by the products that look most like it (`catalog/index/photo_tags.py`). A product
whose own data has the word of a tag is a positive example, and every other described product a
negative one. Each photo of the catalogue is held out in turn: it is scored by the other photos.

A tag is given from the lowest score at which MIN_RIGHT_SHARE of the photos are right, by the lower
end of Wilson's interval. A tag with too few products to tell takes the threshold that all tags
reach together, if its own photos do not speak against it. Other tags are given to no photo."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from psycopg import sql

from catalog.index.photo_tags import References
from catalog.index.vectors import read_rows
from catalog.index.vocabulary import IS_DESCRIBED, Vocabulary, read_product_texts, read_vocabulary
from catalog.models import EncoderVersion, TagCalibration
from catalog.models.product import content_hash
from indexing.ledger.chunking import Check
from indexing.quality.match_calibration import wilson_lower_bound

MAX_REFERENCES = 4_000  # photos; a search compares its photo with all of them
MIN_RIGHT_SHARE = 0.9  # of the photos that are given a tag
CONFIDENCE_DEVIATIONS = 1.28  # standard deviations; a one-sided confidence interval of 90 %
MIN_SCORE = 0.5  # more than half of the weight: the nearest products agree
BACKGROUND_QUANTILE = 0.05  # of the cosines of photos with the nearest other product
COPY_QUANTILE = 0.99  # of the same: two photos of a product that are more alike are copies
MIN_POOLED_SCORE = 0.05  # lower scores are not pooled: nearly all of them are of negative examples
PHOTOS_PER_BLOCK = 500
PRODUCTS_PER_READ = 500


@dataclass(frozen=True)
class HeldOut:
    """Photos of the catalogue, each scored by the other photos. `scores`: (photos, tags). `right`:
    bool (photos, tags). `weights`: (photos,); all products weigh the same."""

    scores: np.ndarray
    right: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class TagThreshold:
    """The lowest score that counts, or None. Of the photos held out, `share` of those given the tag
    are right, and `found` of those that should have it have it. `share` is None if no photo is
    given the tag."""

    threshold: float | None
    products: int
    share: float | None = None
    found: float | None = None


def calibrate_tags(version: EncoderVersion, check: Check) -> TagCalibration:
    """Calibrates the accepted tags for photo vectors of an encoder, and stores the calibration. It
    reads embeddings and encodes nothing."""
    vocabulary = read_vocabulary()
    products, photos, vectors = read_references(version)
    labels = label_products(products, vocabulary, check)
    fitted: list[TagThreshold] = []
    background = 1.0
    if len(products) > 1 and labels.any():
        background, held_out = score_held_out(vectors, photos, labels, check)
        fitted = fit_thresholds(held_out, labels.sum(axis=0))
    given = [i for i, tag in enumerate(fitted) if tag.threshold is not None]
    values = {
        "tags": [vocabulary.tags[i].pk for i in given],
        "thresholds": [fitted[i].threshold for i in given],
        "background": background,
        "photos": photos.tolist() if given else [],
        "vectors": vectors.astype(np.float16).tobytes() if given else b"",
        "labels": np.packbits(labels[:, given]).tobytes(),
    }
    values["checksum"] = content_hash(repr(values).encode())
    values["vocabulary"] = vocabulary.checksum
    values["figures"] = {
        str(tag.pk): vars(one) for tag, one in zip(vocabulary.tags, fitted, strict=False)
    }
    return TagCalibration.objects.update_or_create(encoder=version, defaults=values)[0]


def read_references(version: EncoderVersion) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Returns at most about MAX_REFERENCES photos of described, visible products, the same ones
    each time: the ids of the products, the number of photos of each (products,), and the vectors,
    float32 (photos, dimensions), by product."""
    query = sql.SQL(
        """
        SELECT product_id, vector FROM catalog_embedding
        WHERE encoder_id = {encoder} AND product_id IN (
            SELECT product_id FROM (
                SELECT product_id, sum(count(*)) OVER (ORDER BY md5(product_id::text)) AS photos
                FROM catalog_embedding JOIN catalog_product product ON product.id = product_id
                WHERE encoder_id = {encoder} AND product.is_visible AND {is_described}
                GROUP BY product_id
            ) AS counted WHERE photos <= {most})
        ORDER BY product_id, image_id
        """
    ).format(
        encoder=sql.Literal(version.pk),
        is_described=sql.SQL(IS_DESCRIBED),
        most=sql.Literal(MAX_REFERENCES),
    )
    ids, vectors = [], []
    for product_id, vector in read_rows(query, ["int8", "halfvec"]):
        ids.append(product_id)
        vectors.append(vector)
    products, photos = np.unique(np.array(ids, int), return_counts=True)
    empty = np.empty((0, version.dimensions), np.float32)
    return products.tolist(), photos, np.array(vectors, np.float32) if vectors else empty


def label_products(products: Sequence[int], vocabulary: Vocabulary, check: Check) -> np.ndarray:
    """Returns which tags the own data of each product has, bool (products, tags)."""
    row = {product_id: n for n, product_id in enumerate(products)}
    column = {tag.pk: n for n, tag in enumerate(vocabulary.tags)}
    labels = np.zeros((len(row), len(column)), bool)
    for start in range(0, len(products), PRODUCTS_PER_READ):
        for text in read_product_texts(products[start : start + PRODUCTS_PER_READ]):
            for tag in vocabulary.find_tags(text):
                labels[row[text.product_id], column[tag.pk]] = True
        check()
    return labels


def score_held_out(
    vectors: np.ndarray, photos: np.ndarray, labels: np.ndarray, check: Check
) -> tuple[float, HeldOut]:
    """Returns the background cosine, and the score of each photo by the others. Other photos of its
    own product count, as a shopper's photo often shows a product of the catalogue, but not its
    copies."""
    product_of = np.repeat(np.arange(len(photos)), photos)
    references = References(vectors, photos, labels.astype(np.float32), 1.0)
    nearest = np.concatenate(
        [others.max(axis=1) for _, others, _ in _compare_photos(references, product_of)]
    )
    check()
    background, copy = np.quantile(nearest, [BACKGROUND_QUANTILE, COPY_QUANTILE])
    references = References(vectors, photos, labels.astype(np.float32), float(background))
    scores = []
    for rows, cosines, own in _compare_photos(references, product_of):
        own[own > copy] = -np.inf
        cosines[np.arange(len(rows)), product_of[rows]] = own.max(axis=1, initial=-np.inf)
        scores.append(references.score(cosines))
        check()
    weights = 1.0 / photos[product_of]
    return float(background), HeldOut(np.concatenate(scores), labels[product_of], weights)


def _compare_photos(
    references: References, product_of: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields, for blocks of photos: their numbers; their cosines with the other products, with
    −inf for the own one; and their cosines with photos, with −inf except for other photos of the
    own product."""
    for start in range(0, len(product_of), PHOTOS_PER_BLOCK):
        rows = np.arange(start, min(start + PHOTOS_PER_BLOCK, len(product_of)))
        vectors = references.vectors[rows]
        cosines = references.cosines(vectors)
        cosines[np.arange(len(rows)), product_of[rows]] = -np.inf
        own = vectors @ references.vectors.T
        own[product_of[rows][:, None] != product_of[None]] = -np.inf
        own[np.arange(len(rows)), rows] = -np.inf
        yield rows, cosines, own


def fit_thresholds(held_out: HeldOut, products: np.ndarray) -> list[TagThreshold]:
    """Returns the threshold of each tag. `products`: the number of products with it (tags,)."""
    scores, right, weights = held_out.scores, held_out.right, held_out.weights
    counted = scores >= MIN_POOLED_SCORE
    together = np.broadcast_to(weights[:, None], scores.shape)[counted]
    pooled = find_threshold(scores[counted], right[counted], together)
    fitted = []
    for tag, count in enumerate(products.tolist()):
        threshold = find_threshold(scores[:, tag], right[:, tag], weights)
        if threshold is not None:
            fitted.append(_measure(held_out, tag, threshold, count))
            continue
        one = _measure(held_out, tag, pooled if count else None, count)
        against = one.share is not None and one.share < MIN_RIGHT_SHARE
        fitted.append(TagThreshold(None, count) if against else one)
    return fitted


def find_threshold(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> float | None:
    """Returns the lowest score, at least MIN_SCORE, from which enough photos are right; None if
    there is none. All arguments have the shape (photos,)."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= MIN_SCORE]
    given = np.cumsum(weights[order])
    hits = np.cumsum((weights * right)[order])
    last = np.flatnonzero(np.append(np.diff(scores[order]), -1.0))  # equal scores count together
    reliable = [
        i
        for i in last[: len(order)]
        if wilson_lower_bound(hits[i], given[i], CONFIDENCE_DEVIATIONS) >= MIN_RIGHT_SHARE
    ]
    return float(scores[order][reliable[-1]]) if len(order) and reliable else None


def _measure(held_out: HeldOut, tag: int, threshold: float | None, products: int) -> TagThreshold:
    if threshold is None:
        return TagThreshold(None, products)
    given = held_out.weights * (held_out.scores[:, tag] >= threshold)
    right = float((given * held_out.right[:, tag]).sum())
    every = float((held_out.weights * held_out.right[:, tag]).sum())
    return TagThreshold(
        threshold,
        products,
        right / float(given.sum()) if given.any() else None,
        right / every if every else None,
    )
