"""The sample for fitting and measuring adapters: photos, titles and labelled photos, encoded by
both encoders."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import connection
from psycopg import sql

from catalog.index.live_index import encoder_of
from catalog.index.vectors import read_rows
from catalog.models import EncoderVersion, Product, ProductImage
from catalog.quality.labelled_photos import LabelledPhoto
from catalog.visual.encoder import Encoder
from indexing.embedding.shared_content import embed_products
from indexing.embedding.staleness import current_embeddings
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import open_labelled_photo, read_labelled_photos

MIN_QUERIES = 20  # of a kind; the recall of fewer queries is not significant
HELD_OUT_SHARE = 0.2  # of the photos
TEXT_BATCH_SIZE = 64

Key = tuple[int, int, str]
"""Product id, image id, content hash."""


@dataclass(frozen=True)
class Pairs:
    """Vectors of the same photos or texts by both encoders, row by row: `new` (n, from) by the
    query encoder and `old` (n, to) by the index encoder, float32, unit length. `labels` (n,): the
    product or title of each row."""

    new: np.ndarray
    old: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> "Pairs":
        return Pairs(self.new[rows], self.old[rows], self.labels[rows])


@dataclass(frozen=True)
class Queries(Pairs):
    """Pairs that are used as queries. `owners` (photos,): the label of each photo of the sample. A
    query finds its product if it finds a photo with its own label. `own` (n,): the row of the
    query itself among those photos, or -1."""

    owners: np.ndarray
    own: np.ndarray


@dataclass(frozen=True)
class Sample:
    """`photos`: grouped by product. `held_out`, bool (n,): whether each photo is held out; all
    photos of a product are, or none. `texts`: titles of the other products. `queries`: by kind,
    which is photos, titles or labelled_photos."""

    photos: Pairs
    held_out: np.ndarray
    texts: Pairs
    queries: dict[str, Queries]

    @property
    def to_fit_on(self) -> Pairs:
        """The photos and texts of products that are not held out. An adapter that is fitted on
        photos alone fails for texts, which are in another part of the space."""
        return _concatenate([self.photos[~self.held_out], self.texts])

    @property
    def everything(self) -> Pairs:
        """The photos and texts of all products."""
        titles = self.queries.get("titles")
        return _concatenate([self.photos, self.texts, *([titles] if titles is not None else [])])


def read_sample(
    query_encoder: EncoderVersion,
    index_encoder: EncoderVersion,
    check: Check,
    careful: bool = False,
) -> Sample:
    """Returns a random sample of ADAPTER_SAMPLE photos, with all photos of each product. Products
    with labelled photos come first, up to a fifth of the sample, so that all of them are held out.
    Embeds the photos that `query_encoder` has not embedded yet. Raises EncoderError."""
    new, old = encoder_of(query_encoder), encoder_of(index_encoder)
    labelled = read_labelled_photos()
    chosen = _choose_photos([product_id for product_id, _ in labelled], index_encoder)
    embed_products([key[0] for key in chosen], query_encoder, new, check, careful)
    photos = _pair_photos(chosen, query_encoder)
    held_out = _hold_out(photos.labels)
    held_out_products = set(photos.labels[held_out].tolist())
    texts, titles = _split_titles(photos, held_out, new, old)
    check()
    queries = {
        "photos": _build_photo_queries(photos, held_out),
        "titles": titles,
        "labelled_photos": _encode_labelled_photos(
            [
                (product_id, photo)
                for product_id, photo in labelled
                if product_id in held_out_products
            ],
            photos.labels,
            new,
            old,
            check,
        ),
    }
    queries = {kind: each for kind, each in queries.items() if len(each) >= MIN_QUERIES}
    return Sample(photos, held_out, texts, queries)


def _concatenate(parts: Sequence[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.new for part in parts]),
        np.concatenate([part.old for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _choose_photos(labelled: Sequence[int], index_encoder: EncoderVersion) -> dict[Key, np.ndarray]:
    """Returns the photos of the sample with their embeddings by `index_encoder`, grouped by
    product, in the order in which products are held out."""
    images = max(ProductImage.objects.count(), 1)
    share = min(100.0, 150.0 * settings.ADAPTER_SAMPLE / images)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM catalog_product TABLESAMPLE BERNOULLI (%s) REPEATABLE (5)", [share]
        )
        ids = np.array([row[0] for row in cursor.fetchall()], np.int64)
    first = list(dict.fromkeys(labelled))[: int(settings.ADAPTER_SAMPLE * HELD_OUT_SHARE)]
    others = np.random.default_rng(0).permutation(np.setdiff1d(ids, first)).tolist()
    order = {product_id: n for n, product_id in enumerate([*first, *others])}
    embedded = _read_embeddings(index_encoder, list(order))
    keys = sorted(embedded, key=lambda key: (order[key[0]], key))[: settings.ADAPTER_SAMPLE]
    return {key: embedded[key] for key in keys}


def _pair_photos(chosen: dict[Key, np.ndarray], query_encoder: EncoderVersion) -> Pairs:
    """Returns the chosen photos that `query_encoder` has embedded too, in the same order."""
    by_query_encoder = _read_embeddings(query_encoder, [key[0] for key in chosen])
    keys = [key for key in chosen if key in by_query_encoder]
    if not keys:
        return Pairs(np.empty((0, 0)), np.empty((0, 0)), np.empty(0, np.int64))
    return Pairs(
        np.stack([by_query_encoder[key] for key in keys]),
        np.stack([chosen[key] for key in keys]),
        np.array([key[0] for key in keys], np.int64),
    )


def _read_embeddings(version: EncoderVersion, product_ids: Sequence[int]) -> dict[Key, np.ndarray]:
    """Returns the current embeddings, float32, of the photos of these products."""
    among = sql.SQL("embedding.product_id = ANY({ids}::bigint[])").format(
        ids=sql.Literal(list(product_ids))
    )
    query = current_embeddings(version.pk, among)
    rows = read_rows(query, ["int8", "int8", "text", "halfvec"])
    return {row[:3]: row[3].astype(np.float32) for row in rows}


def _hold_out(products: np.ndarray) -> np.ndarray:
    """Returns whether to hold out each photo, bool (n,): the first HELD_OUT_SHARE of them, and the
    other photos of the last product among these. `products`: the product of each photo, grouped."""
    count = int(len(products) * HELD_OUT_SHARE)
    while 0 < count < len(products) and products[count] == products[count - 1]:
        count += 1
    return np.arange(len(products)) < count


def _build_photo_queries(photos: Pairs, held_out: np.ndarray) -> Queries:
    rows = np.flatnonzero(held_out)
    queries = photos[rows]
    return Queries(queries.new, queries.old, queries.labels, photos.labels, rows)


def _encode_labelled_photos(
    labelled: Sequence[tuple[int, LabelledPhoto]],
    owners: np.ndarray,
    new: Encoder,
    old: Encoder,
    check: Check,
) -> Queries:
    encoded: list[tuple[int, np.ndarray, np.ndarray]] = []
    for product_id, photo in labelled:
        image = open_labelled_photo(photo)
        if image is not None:
            vectors = (encoder.encode_images([image])[0] for encoder in (new, old))
            encoded.append((product_id, *vectors))
            check()
    labels = np.array([product_id for product_id, _, _ in encoded], np.int64)
    by_new, by_old = (np.array([row[n] for row in encoded], np.float32) for n in (1, 2))
    return Queries(by_new, by_old, labels, owners, np.full(len(encoded), -1))


def _split_titles(
    photos: Pairs, held_out: np.ndarray, new: Encoder, old: Encoder
) -> tuple[Pairs, Queries]:
    """Returns (texts to fit on, titles to query). The texts are the titles in all languages of the
    products that are not held out. The queries are titles that only held-out products have. Any
    product with the title is a right answer."""
    rows = Product.objects.filter(pk__in=np.unique(photos.labels).tolist())
    titles = {pk: names for pk, *names in rows.values_list("pk", "title", "title_ru")}
    names_of_photos = [titles.get(pk, ["", ""]) for pk in photos.labels.tolist()]
    main = [english or russian for english, russian in names_of_photos]
    numbers = {title: n for n, title in enumerate(dict.fromkeys(main))}
    kept = [names for names, out in zip(names_of_photos, held_out, strict=True) if not out]
    fitted = {name for names in kept for name in names if name}
    query_titles = [title for title in numbers if title and title not in fitted]
    owners = np.array([numbers[title] for title in main], np.int64)
    to_fit_on = _encode_texts(sorted(fitted), new, old, np.zeros(len(fitted), np.int64))
    labels = np.array([numbers[title] for title in query_titles], np.int64)
    queries = _encode_texts(query_titles, new, old, labels)
    return to_fit_on, Queries(
        queries.new, queries.old, queries.labels, owners, np.full(len(query_titles), -1)
    )


def _encode_texts(texts: Sequence[str], new: Encoder, old: Encoder, labels: np.ndarray) -> Pairs:
    parts = [texts[n : n + TEXT_BATCH_SIZE] for n in range(0, len(texts), TEXT_BATCH_SIZE)]
    by_new, by_old = (
        np.concatenate(
            [np.empty((0, encoder.dimensions), np.float32)]
            + [encoder.encode_texts(part) for part in parts]
        )
        for encoder in (new, old)
    )
    return Pairs(by_new, by_old, labels)
