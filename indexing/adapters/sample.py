"""The sample that adapters are fitted and measured on: photos, titles and labelled photos as both
encoders see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import connection
from psycopg import sql

from catalog.index.live_index import encoder_of
from catalog.index.vectors import read_rows
from catalog.labelled_photos import LabelledPhoto
from catalog.models import EncoderVersion, Product, ProductImage
from catalog.visual.encoder import Encoder
from indexing.embedding.embed import embed_images
from indexing.embedding.staleness import current_embeddings, stale_images
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import open_labelled_photo, read_labelled_photos

LEAST_QUERIES = 20  # fewer say nothing
HELD_OUT = 0.2
TEXTS_AT_ONCE = 64

Key = tuple[int, int, str]
"""Product, image, content."""


@dataclass(frozen=True)
class Pairs:
    """The same things by both encoders, row by row: `new` (n, from) and `old` (n, to), float32,
    unit length; `labels` (n,): what each shows."""

    new: np.ndarray
    old: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> "Pairs":
        return Pairs(self.new[rows], self.old[rows], self.labels[rows])


@dataclass(frozen=True)
class Queries(Pairs):
    """Pairs that ask. `owners` (photos,): what each photo of the sample shows, in the terms of
    `labels`; `place` (n,): where the query itself stands among those photos, or -1."""

    owners: np.ndarray
    place: np.ndarray


@dataclass(frozen=True)
class Sample:
    """`photos`, by product; which of them are `held_out`, bool (n,), by whole products; `texts` of
    the other products; and what is asked, by name: photos, titles, labelled_photos."""

    photos: Pairs
    held_out: np.ndarray
    texts: Pairs
    queries: dict[str, Queries]

    @property
    def to_fit_on(self) -> Pairs:
        """Photos and texts: fitted on photos alone, an adapter loses the words, which lie elsewhere
        in the space."""
        return _together([self.photos[~self.held_out], self.texts])

    @property
    def everything(self) -> Pairs:
        """The same, and what was held out."""
        titles = self.queries.get("titles")
        return _together([self.photos, self.texts, *([titles] if titles is not None else [])])


def read_sample(
    query_encoder: EncoderVersion,
    index_encoder: EncoderVersion,
    check: Check,
    careful: bool = False,
) -> Sample:
    """Reads a random sample of ADAPTER_SAMPLE photos, all photos of each product. Products with
    labelled photos come first, up to a fifth of the sample, so that they are all held out.
    Embeds the photos that `query_encoder` has not embedded yet. Raises EncoderError."""
    new, old = encoder_of(query_encoder), encoder_of(index_encoder)
    labelled = read_labelled_photos()
    wanted = _wanted([product_id for product_id, _ in labelled], index_encoder)
    stale = stale_images(query_encoder, [key[0] for key in wanted])
    embed_images(stale, query_encoder, new, check, careful)
    photos = _photos(wanted, query_encoder)
    held_out = _held_out(photos.labels)
    out = set(photos.labels[held_out].tolist())
    texts, titles = _texts(photos, held_out, new, old)
    check()
    queries = {
        "photos": _photo_queries(photos, held_out),
        "titles": titles,
        "labelled_photos": _labelled_queries(
            [each for each in labelled if each[0] in out], photos.labels, new, old, check
        ),
    }
    asked = {name: each for name, each in queries.items() if len(each) >= LEAST_QUERIES}
    return Sample(photos, held_out, texts, asked)


def _together(parts: Sequence[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.new for part in parts]),
        np.concatenate([part.old for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _wanted(labelled: Sequence[int], index_encoder: EncoderVersion) -> dict[Key, np.ndarray]:
    """The photos of the sample with their embeddings by `index_encoder`, grouped by product, in the
    order in which products are held out."""
    images = max(ProductImage.objects.count(), 1)
    share = min(100.0, 150.0 * settings.ADAPTER_SAMPLE / images)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM catalog_product TABLESAMPLE BERNOULLI (%s) REPEATABLE (5)", [share]
        )
        ids = np.array([row[0] for row in cursor.fetchall()], np.int64)
    first = list(dict.fromkeys(labelled))[: int(settings.ADAPTER_SAMPLE * HELD_OUT)]
    others = np.random.default_rng(0).permutation(np.setdiff1d(ids, first)).tolist()
    order = {product_id: n for n, product_id in enumerate([*first, *others])}
    there = _current(index_encoder, list(order))
    keys = sorted(there, key=lambda key: (order[key[0]], key))[: settings.ADAPTER_SAMPLE]
    return {key: there[key] for key in keys}


def _photos(wanted: dict[Key, np.ndarray], query_encoder: EncoderVersion) -> Pairs:
    """Those of them that `query_encoder` has embedded as well, in their order."""
    by_query_encoder = _current(query_encoder, [key[0] for key in wanted])
    keys = [key for key in wanted if key in by_query_encoder]
    if not keys:
        return Pairs(np.empty((0, 0)), np.empty((0, 0)), np.empty(0, np.int64))
    return Pairs(
        np.stack([by_query_encoder[key] for key in keys]),
        np.stack([wanted[key] for key in keys]),
        np.array([key[0] for key in keys], np.int64),
    )


def _current(version: EncoderVersion, product_ids: Sequence[int]) -> dict[Key, np.ndarray]:
    """The embeddings, float32, of the photos of these products as they are now."""
    among = sql.SQL("embedding.product_id = ANY({ids}::bigint[])").format(
        ids=sql.Literal(list(product_ids))
    )
    query = current_embeddings(version.pk, among)
    rows = read_rows(query, ["int8", "int8", "text", "halfvec"])
    return {row[:3]: row[3].astype(np.float32) for row in rows}


def _held_out(products: np.ndarray) -> np.ndarray:
    """Whole products from the start, until they have a fifth of the photos: bool (n,)."""
    count = int(len(products) * HELD_OUT)
    while 0 < count < len(products) and products[count] == products[count - 1]:
        count += 1
    return np.arange(len(products)) < count


def _photo_queries(photos: Pairs, held_out: np.ndarray) -> Queries:
    rows = np.flatnonzero(held_out)
    asked = photos[rows]
    return Queries(asked.new, asked.old, asked.labels, photos.labels, rows)


def _labelled_queries(
    labelled: Sequence[tuple[int, LabelledPhoto]],
    owners: np.ndarray,
    new: Encoder,
    old: Encoder,
    check: Check,
) -> Queries:
    seen: list[tuple[int, np.ndarray, np.ndarray]] = []
    for product_id, photo in labelled:
        image = open_labelled_photo(photo)
        if image is not None:
            seen.append((product_id, new.encode_images([image])[0], old.encode_images([image])[0]))
            check()
    labels = np.array([product_id for product_id, _, _ in seen], np.int64)
    by_new, by_old = (np.array([row[n] for row in seen], np.float32) for n in (1, 2))
    return Queries(by_new, by_old, labels, owners, np.full(len(seen), -1))


def _texts(
    photos: Pairs, held_out: np.ndarray, new: Encoder, old: Encoder
) -> tuple[Pairs, Queries]:
    """Texts to fit on: titles in all languages of the products that are not held out. Titles to ask
    with: those that only products held out have; any product of the title is the right one."""
    rows = Product.objects.filter(pk__in=np.unique(photos.labels).tolist())
    titles = {pk: names for pk, *names in rows.values_list("pk", "title", "title_ru")}
    shown = [titles.get(pk, ["", ""]) for pk in photos.labels.tolist()]
    main = [english or russian for english, russian in shown]
    numbers = {title: n for n, title in enumerate(dict.fromkeys(main))}
    kept = [names for names, out in zip(shown, held_out, strict=True) if not out]
    fitted = {name for names in kept for name in names if name}
    asked = [title for title in numbers if title and title not in fitted]
    owners = np.array([numbers[title] for title in main], np.int64)
    to_fit_on = _encoded(sorted(fitted), new, old, np.zeros(len(fitted), np.int64))
    labels = np.array([numbers[title] for title in asked], np.int64)
    queries = _encoded(asked, new, old, labels)
    return to_fit_on, Queries(
        queries.new, queries.old, queries.labels, owners, np.full(len(asked), -1)
    )


def _encoded(texts: Sequence[str], new: Encoder, old: Encoder, labels: np.ndarray) -> Pairs:
    parts = [texts[n : n + TEXTS_AT_ONCE] for n in range(0, len(texts), TEXTS_AT_ONCE)]
    by_new, by_old = (
        np.concatenate(
            [np.empty((0, encoder.dimensions), np.float32)]
            + [encoder.encode_texts(part) for part in parts]
        )
        for encoder in (new, old)
    )
    return Pairs(by_new, by_old, labels)
