"""The self-test: a photo of a product is held out and searched for. The search is right if it finds
the product by its other photos.

The self-test needs no labelled photos and encodes nothing, because the embeddings of all photos are
in the database. Its sample depends on the products and their photos alone, so it is the same for
every generation and encoder."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings

from catalog.index.live_index import IndexSpace
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store
from catalog.quality.retrieval import nearest_products
from catalog.quality.sampled_photos import read_embeddings, sample_photos

MIN_QUERIES = 100  # to measure recall on
MAX_RANK = 10  # of an exact search
SAME_PICTURE = 0.999  # cosine from which two photos show the same picture
MAX_TWINS = 20  # products with one picture; a picture of more shows none of them
TWIN_PHOTOS = 100  # nearest photos, among which twins are found
QUERIES_PER_STATEMENT = 16


@dataclass(frozen=True)
class HeldOutView:
    """A photo of a product to search by.

    `copies`: the ids of the photos that are left out of the index, which are the photo itself and
    the product's other photos of the same picture. `twins`: the ids of other products with the same
    picture, which count neither as right nor as wrong."""

    product_id: int
    image_id: int
    copies: frozenset[int] = frozenset()
    twins: frozenset[int] = frozenset()


@dataclass(frozen=True)
class SelfTest:
    """The figures of a self-test. `kind`: "views" if the queries are held-out photos, "composed" if
    they are composed from the product's only photo, which is easier, "skipped" if there are too few
    of both. `queries`: their number, or how many there would have been."""

    kind: str
    queries: int
    recall_at_1: float | None = None
    recall_at_5: float | None = None

    @classmethod
    def from_ranks(cls, kind: str, ranks: np.ndarray) -> "SelfTest":
        """Returns the figures of queries whose product has these ranks (n,), n > 0."""
        at_1, at_5 = (round(float((ranks <= k).mean()), 4) for k in (1, 5))
        return cls(kind, len(ranks), at_1, at_5)


@dataclass(frozen=True)
class Queries:
    """The views of a self-test, n of them, and their embeddings by each encoder, float32 (n,
    dimensions), by the id of the encoder."""

    views: list[HeldOutView]
    vectors: dict[int, np.ndarray]

    def among(self, products: Container[int] | None) -> "Queries":
        """Returns the queries of these products, or all with None."""
        if products is None:
            return self
        kept = [n for n, view in enumerate(self.views) if view.product_id in products]
        return Queries(
            [self.views[n] for n in kept],
            {encoder_id: vectors[kept] for encoder_id, vectors in self.vectors.items()},
        )


def choose_queries(
    space: IndexSpace, also_embedded_by: Sequence[int] = (), composed: bool = False
) -> Queries:
    """Returns a view of each product of the sample, in the order of the sample.

    The generation and the encoder of `space` tell which photos show the same picture. Products are
    left out if all their photos do, or if more than MAX_TWINS products share the picture. The
    encoders with the ids `also_embedded_by` have embedded the views too. With `composed`, the views
    are photos to compose a query from, and nothing is left out of the index."""
    encoder_id = space.generation.encoder_id
    encoder_ids = sorted({encoder_id, *also_embedded_by})
    sample = sample_photos(encoder_ids, 1 if composed else 2)
    embeddings = {each: read_embeddings(each, list(sample)) for each in encoder_ids}
    views = []
    for product_id, image_id in sample.items():
        if any(image_id not in by_one.get(product_id, {}) for by_one in embeddings.values()):
            continue  # the photo has been removed meanwhile
        photos = embeddings[encoder_id][product_id]
        copies = frozenset() if composed else find_copies(photos, image_id)
        if len(copies) < len(photos):
            views.append(HeldOutView(product_id, image_id, copies))
    vectors = [embeddings[encoder_id][view.product_id][view.image_id] for view in views]
    views = list(_with_twins(space, views, np.array(vectors)))
    return Queries(
        views,
        {
            each: np.array([by_one[view.product_id][view.image_id] for view in views])
            for each, by_one in embeddings.items()
        },
    )


def find_copies(photos: dict[int, np.ndarray], image_id: int) -> frozenset[int]:
    """Returns the ids of the photos of the same picture as this one, itself included. `photos`:
    unit vectors by image id."""
    return frozenset(
        other for other, vector in photos.items() if photos[image_id] @ vector >= SAME_PICTURE
    ) | {image_id}


def search_views(
    space: IndexSpace, views: Sequence[HeldOutView], vectors: np.ndarray
) -> Iterator[list[tuple[int, float]]]:
    """Searches a generation as a shopper's search does: the graph gives candidates, and the full
    embeddings score them. Yields, for each view, (product id, cosine) of the products found, the
    nearest first. `vectors`: of the views, in the index space, float32 (n, dimensions)."""
    for start in range(0, len(views), QUERIES_PER_STATEMENT):
        part = slice(start, start + QUERIES_PER_STATEMENT)
        found: list[dict[int, float]] = [{} for _ in views[part]]
        query = VectorQuery(space, vectors[part], settings.SEARCH_CANDIDATES + 1)
        for photo in vector_store().score_photos(query):
            view = views[start + photo.number]
            if photo.image_id not in view.copies and photo.product_id not in view.twins:
                found[photo.number].setdefault(photo.product_id, photo.similarity)
        yield from (list(products.items()) for products in found)


def search_views_exactly(
    encoder_id: int, queries: Queries, gallery: Sequence[int]
) -> Iterator[list[int]]:
    """Compares each view with all photos of the `gallery`, ids of products, by the embeddings of an
    encoder, which needs no generation. Yields the ids of the MAX_RANK nearest products, nearest
    first."""
    embeddings = read_embeddings(encoder_id, gallery)
    rows = [(owner, *photo) for owner, photos in embeddings.items() for photo in photos.items()]
    owners, images = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
    photos = np.array([row[2] for row in rows])
    for view, vector in zip(queries.views, queries.vectors[encoder_id], strict=True):
        kept = ~np.isin(images, list(view.copies)) & ~np.isin(owners, list(view.twins))
        yield nearest_products(photos[kept] @ vector, owners[kept].tolist(), MAX_RANK)


def rank_product(view: HeldOutView, products: Sequence[int]) -> float:
    """Returns the rank of the view's product among products found, from 1; infinity if it is not
    found."""
    return products.index(view.product_id) + 1 if view.product_id in products else np.inf


def _with_twins(
    space: IndexSpace, views: Sequence[HeldOutView], vectors: np.ndarray
) -> Iterator[HeldOutView]:
    for start in range(0, len(views), QUERIES_PER_STATEMENT):
        part = slice(start, start + QUERIES_PER_STATEMENT)
        twins: list[set[int]] = [set() for _ in views[part]]
        for photo in vector_store().score_photos(VectorQuery(space, vectors[part], TWIN_PHOTOS)):
            if photo.similarity >= SAME_PICTURE:
                twins[photo.number].add(photo.product_id)
        for view, same in zip(views[part], twins, strict=True):
            others = frozenset(same - {view.product_id})
            if len(others) <= MAX_TWINS:
                yield HeldOutView(view.product_id, view.image_id, view.copies, others)
