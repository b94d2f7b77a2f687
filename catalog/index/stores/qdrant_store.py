"""The store with the graphs in Qdrant. PostgreSQL keeps the table of each generation, as for every
store, and Qdrant a collection of the same vectors.

A write changes the table within its transaction. It adds vectors to Qdrant before it commits, and
removes them after: if it is interrupted, Qdrant has a photo too many, which the table does not have
and no search finds. `repair` removes it."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain

import numpy as np
from django.conf import settings
from django.db import DataError, ProgrammingError, connection, transaction
from psycopg import sql

from catalog.index.live_index import IndexNotReady
from catalog.index.prepared_sql import fetch_search_rows
from catalog.index.search_statement import COMPARE_ALL, Hint, VectorQuery
from catalog.index.stores.collection_repair import compare, mend
from catalog.index.stores.product_attributes import read_attributes
from catalog.index.stores.qdrant_points import (
    FoundPoint,
    GraphShape,
    Points,
    make_points,
    open_points,
)
from catalog.index.stores.vector_table import GraphSearch, VectorTables, table_exists
from catalog.index.vector_store import PhotoVector, Repair, StoredPhoto, no_check
from catalog.models import Generation

WRITE_LOCKS = 0x5651  # the class of the advisory locks of writers; the key is the generation
SPARE = 1.25  # of the wanted photos, for those that the live conditions take away
DEEPER = 4  # times as many photos are asked for, if too few pass
MAX_FOUND = 20_000  # photos that are asked for at most

FOUND_PHOTOS = sql.SQL(
    """(SELECT found.product_id, found.image_id, stored.vector
        FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS found (number, product_id, image_id)
        CROSS JOIN LATERAL (
            SELECT vector FROM {table} row WHERE row.product_id = found.product_id
                AND row.image_id = found.image_id OFFSET 0) stored
        WHERE found.number = query.number)"""
)
PASSING_OF_FOUND = sql.SQL(
    """SELECT found.number, found.product_id, found.image_id
    FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) WITH ORDINALITY
        AS found (number, product_id, image_id, place)
    CROSS JOIN LATERAL (SELECT FROM catalog_product product
        WHERE product.id = found.product_id AND {condition} OFFSET 0) passing
    CROSS JOIN LATERAL (SELECT FROM {table} row WHERE row.product_id = found.product_id
        AND row.image_id = found.image_id OFFSET 0) stored
    ORDER BY found.place"""
)
PASSING_COUNT = sql.SQL("SELECT count(*) FROM ({passing} LIMIT {limit}) passing")

Keys = list[tuple[int, int]]  # product ids and photo ids


class QdrantStore(VectorTables):
    """Searches in two steps: Qdrant finds photos, and PostgreSQL tests their products as they are
    now and scores them. It asks Qdrant for more until enough pass."""

    @property
    def points(self) -> Points:
        return open_points(settings.QDRANT_URL)

    def create(self, generation: Generation) -> None:
        super().create(generation)
        self.points.create(collection_of(generation), _shape(generation))

    def fill(
        self, generation: Generation, first: int, last: int, photos: Iterable[PhotoVector]
    ) -> None:
        photos = _checked(photos)
        with transaction.atomic():
            _lock(generation, exclusive=False)
            old = self._keys(generation, sql.SQL("product_id BETWEEN {} AND {}"), first, last)
            self._upsert(generation, photos)
            super().fill(generation, first, last, photos)
            self._delete_later(generation, old, photos)

    def sync(
        self, generation: Generation, product_ids: Sequence[int], photos: Iterable[PhotoVector]
    ) -> int:
        """Writes all `photos` to Qdrant, even if the table has them: a write that was rolled back
        may have been lost, and the attributes may have changed."""
        photos = _checked(photos)
        _lock(generation, exclusive=False)
        old = self._keys(generation, sql.SQL("product_id = ANY({})"), list(product_ids))
        self._upsert(generation, photos)
        changed = super().sync(generation, product_ids, photos)
        self._delete_later(generation, old, photos)
        return changed

    def build_graph(self, generation: Generation) -> None:
        if not self.graph_is_valid(generation):
            self.points.build(collection_of(generation), _shape(generation))

    def graph_is_valid(self, generation: Generation) -> bool:
        return table_exists(generation) and self.points.is_built(collection_of(generation))

    def drop(self, generation: Generation) -> None:
        super().drop(generation)
        drop = partial(self.points.drop, collection_of(generation))
        transaction.on_commit(drop, robust=True)

    def needs_repair(self, generation: Generation) -> bool:
        return True  # only a comparison can tell

    def repair(self, generation: Generation, check: Callable[[], None] = no_check) -> Repair:
        self.create(generation)
        name = collection_of(generation)
        difference = compare(self.points, name, generation, check)
        for keys in difference.batches():
            with transaction.atomic():
                _lock(generation, exclusive=True)
                mend(self.points, name, generation, keys)
            check()
        self.build_graph(generation)
        if generation.state == Generation.State.LIVE:
            self.name_live(generation)
        return difference.repair

    def name_live(self, generation: Generation) -> None:
        alias = f"{connection.settings_dict['NAME']}_live"
        name_live = partial(self.points.name_live, alias, collection_of(generation))
        transaction.on_commit(name_live, robust=True)

    def nearest_photos(
        self, generation: Generation, vector: np.ndarray, count: int, exact: bool
    ) -> list[StoredPhoto]:
        if exact:
            return super().nearest_photos(generation, vector, count, exact)
        [found] = self._search(generation, vector[None], count, ())
        return [StoredPhoto(each.product_id, each.image_id, each.similarity) for each in found]

    def search_graph(self, query: VectorQuery, projected: np.ndarray) -> GraphSearch:
        generation = query.space.generation
        found: list[Keys] = [[] for _ in projected]
        if not _compares_all(query):
            found = self._find_passing(query, projected)
        numbers = [number for number, keys in enumerate(found) for _ in keys]
        keys = list(chain.from_iterable(found))
        return GraphSearch(
            FOUND_PHOTOS.format(table=sql.Identifier(generation.vector_table)),
            ends_complete=False,  # Qdrant may lag behind the table
            parameters=[numbers, [key[0] for key in keys], [key[1] for key in keys]],
        )

    def _find_passing(self, query: VectorQuery, projected: np.ndarray) -> list[Keys]:
        """Returns the nearest photos that pass, at least `max_photos` of each query vector if there
        are so many among the MAX_FOUND nearest."""
        hints = query.hints()
        count = min(MAX_FOUND, int(SPARE * query.max_photos))
        while True:
            found = self._search(query.space.generation, projected, count, hints)
            passing = _select_passing(query, found)
            too_few = any(
                len(some) < query.max_photos and len(each) == count
                for some, each in zip(passing, found, strict=True)
            )
            if not too_few or count >= MAX_FOUND:
                return passing
            count = min(MAX_FOUND, DEEPER * count)

    def _search(
        self, generation: Generation, vectors: np.ndarray, count: int, hints: Sequence[Hint]
    ) -> list[list[FoundPoint]]:
        """Raises IndexNotReady if Qdrant has no collection of a generation that is not dropped."""
        try:
            return self.points.search(collection_of(generation), vectors, count, hints)
        except ProgrammingError as error:
            if not table_exists(generation):
                raise
            raise IndexNotReady(
                f"Qdrant has no collection of generation {generation.pk}: run 'index verify'."
            ) from error

    def _upsert(self, generation: Generation, photos: Sequence[PhotoVector]) -> None:
        attributes = read_attributes(sorted({photo.product_id for photo in photos}))
        self.points.upsert(collection_of(generation), make_points(photos, attributes))

    def _delete_later(
        self, generation: Generation, old: Keys, photos: Sequence[PhotoVector]
    ) -> None:
        """Removes the old photos that are not among these from Qdrant, when the transaction is
        committed."""
        gone = {image_id for _, image_id in old} - {photo.image_id for photo in photos}
        if gone:
            delete = partial(self.points.delete, collection_of(generation), sorted(gone))
            transaction.on_commit(delete, robust=True)

    def _keys(self, generation: Generation, condition: sql.SQL, *values: object) -> Keys:
        query = sql.SQL("SELECT product_id, image_id FROM {} WHERE {}").format(
            sql.Identifier(generation.vector_table),
            condition.format(*(sql.Literal(value) for value in values)),
        )
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()


def collection_of(generation: Generation) -> str:
    """Returns the name of the generation's collection. It begins with that of the database, so that
    several installations can share a server."""
    return f"{connection.settings_dict['NAME']}_g{generation.pk}"


def _shape(generation: Generation) -> GraphShape:
    return GraphShape(
        settings.VECTOR_DIMENSIONS, generation.hnsw_m, generation.hnsw_ef_construction
    )


def _checked(photos: Iterable[PhotoVector]) -> list[PhotoVector]:
    photos = list(photos)
    for photo in photos:
        if photo.vector.shape != (settings.VECTOR_DIMENSIONS,):
            raise DataError(
                f"expected {settings.VECTOR_DIMENSIONS} dimensions, not {photo.vector.shape}"
            )
    return photos


def _lock(generation: Generation, exclusive: bool) -> None:
    """Keeps a repair apart from writes of the generation until the transaction ends."""
    shared = "" if exclusive else "_shared"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_advisory_xact_lock{shared}(%s, %s)", [WRITE_LOCKS, generation.pk]
        )


def _compares_all(query: VectorQuery) -> bool:
    """Returns whether few enough products pass to compare them all in the table."""
    if query.exact_up_to in (0, COMPARE_ALL):
        return query.exact_up_to == COMPARE_ALL
    passing = query.select_passing(sql.SQL("product.id"))
    limit = sql.Literal(query.exact_up_to + 1)
    [row] = fetch_search_rows(PASSING_COUNT.format(passing=passing, limit=limit), [])
    return row[0] <= query.exact_up_to


def _select_passing(query: VectorQuery, found: Sequence[Sequence[FoundPoint]]) -> list[Keys]:
    """Returns which of the found photos are in the table, of products that fulfil the condition."""
    statement = PASSING_OF_FOUND.format(
        condition=query.condition,
        table=sql.Identifier(query.space.generation.vector_table),
    )
    points = list(chain.from_iterable(found))
    numbers = [number for number, each in enumerate(found) for _ in each]
    columns = [numbers, [p.product_id for p in points], [p.image_id for p in points]]
    passing: list[Keys] = [[] for _ in found]
    for row in fetch_search_rows(statement, columns):
        passing[row.number].append((row.product_id, row.image_id))
    most = int(SPARE * query.max_photos)
    return [each[:most] for each in passing]
