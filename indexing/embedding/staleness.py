"""Defines "up to date" for embeddings, tags, vectors and generations. All comparisons are of
hashes.

- An embedding is current if it was made from the present content of its image.
- A vector is current if it was made from the current embedding of its image. Of a product's images
  of equal content, only the first has a vector.
- Tags are current if they were made from the present text of their product. A run that tags also
  compares what else they were made from (`TagSources`).
- A product is current in a generation if each of its images that should have a vector has one of
  its present content, it has no other vectors, and its tags are current.

Anything else is stale. A quarantined image is not stale: a retry would only fail again.

`catalog_productchange` notes the products to check, so that a refresh need not read the whole
catalogue. `settle_changes` removes these notes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from psycopg import sql

from catalog.index.vector_store import vector_store
from catalog.index.vocabulary import read_vocabulary
from catalog.models import EncoderVersion, Generation, IndexedProduct, TagCalibration
from catalog.models.product import content_hash

IS_QUARANTINED = sql.SQL(
    "failure.quarantined AND failure.product_id = image.product_id"
    " AND failure.image_id = image.id AND failure.content_hash = image.content_hash"
)
IS_FIRST_OF_ITS_CONTENT = sql.SQL(
    "NOT EXISTS (SELECT FROM catalog_productimage twin WHERE twin.product_id = image.product_id"
    " AND twin.content_hash = image.content_hash AND twin.id < image.id)"
)
TEXT_IS_STALE = sql.SQL("indexed.text_hash IS DISTINCT FROM product.text_hash")


@dataclass(frozen=True)
class StaleImage:
    """An image whose embedding is missing or was made from another content."""

    product_id: int
    image_id: int
    file: str
    content_hash: str


@dataclass(frozen=True)
class TagSources:
    """Checksums of what tags are made from, besides the products: the accepted `words`, and these
    with the calibration of the tags of photos."""

    words: str
    words_and_photos: str

    def of(self, is_described: bool) -> str:
        """Returns the checksum for a product. The tags of described products depend on words
        only."""
        return self.words if is_described else self.words_and_photos


def stale_images(
    version: EncoderVersion, product_ids: Sequence[int] | None = None
) -> list[StaleImage]:
    """Returns the images without a current embedding by this encoder, of these products or of all,
    ordered by product and image. Quarantined images are left out."""
    query = _stale_images(version)
    if product_ids is not None:
        query += sql.SQL(" AND image.product_id = ANY({})").format(_ids(product_ids))
    with connection.cursor() as cursor:
        cursor.execute(query + sql.SQL(" ORDER BY 1, 2"))
        return [StaleImage(*row) for row in cursor.fetchall()]


def products_to_embed(version: EncoderVersion) -> sql.Composable:
    """Returns a query of the products that this encoder has to embed: `product_id`, a row for each
    stale image."""
    return sql.SQL("SELECT product_id FROM ({}) AS stale").format(_stale_images(version))


def products_to_tag(product_ids: Sequence[int], reembedded: set[int]) -> list[int]:
    """Returns the products whose text has changed or whose photos were just embedded, in ascending
    order."""
    query = sql.SQL(
        """
        SELECT product.id FROM catalog_product product
        LEFT JOIN catalog_indexedproduct indexed ON indexed.product_id = product.id
        WHERE product.id = ANY({ids}) AND (product.id = ANY({reembedded}) OR {text_is_stale})
        ORDER BY product.id
        """
    ).format(
        ids=_ids(product_ids),
        reembedded=_ids(sorted(reembedded)),
        text_is_stale=TEXT_IS_STALE,
    )
    return _first_column(query)


def read_tag_sources(version: EncoderVersion) -> TagSources:
    """Returns the present sources of tags."""
    words = read_vocabulary().checksum
    fitted = TagCalibration.objects.filter(encoder=version).values_list("checksum", flat=True)
    return TagSources(words, content_hash(f"{words} {fitted.first() or ''}".encode()))


def products_with_stale_tags(sources: TagSources) -> sql.Composable:
    """Returns a query of the products whose tags were made from other texts or other sources:
    `product_id`."""
    return sql.SQL(
        """
        SELECT product.id AS product_id FROM catalog_product product
        LEFT JOIN catalog_indexedproduct indexed ON indexed.product_id = product.id
        WHERE {text_is_stale} OR indexed.vocabulary NOT IN ({words}, {words_and_photos})
        """
    ).format(
        text_is_stale=TEXT_IS_STALE,
        words=sql.Literal(sources.words),
        words_and_photos=sql.Literal(sources.words_and_photos),
    )


def tagged_from_other_sources(sources: TagSources) -> sql.Composable:
    """Returns a query of the tagged products whose tags were made from other tags or another
    calibration: `product_id`. It reads no texts, because products with other texts are noted as
    changed."""
    return sql.SQL(
        """
        SELECT product_id FROM catalog_indexedproduct
        WHERE vocabulary NOT IN ({words}, {words_and_photos})
        """
    ).format(
        words=sql.Literal(sources.words), words_and_photos=sql.Literal(sources.words_and_photos)
    )


def forget_tags(product_ids: Iterable[int]) -> None:
    """Makes the tags of these products stale if they depend on photos, which have changed."""
    indexed = IndexedProduct.objects.filter(product_id__in=product_ids)
    indexed.exclude(vocabulary=read_vocabulary().checksum).update(vocabulary="")


def current_embeddings(encoder_id: int, condition: sql.Composable | None = None) -> sql.Composable:
    """Returns a query of the current embeddings by an encoder: `product_id`, `image_id`,
    `source_hash`, `vector`. `condition` may refer to the row as `embedding`, and to its image as
    `image`."""
    return sql.SQL(
        """
        SELECT embedding.product_id, embedding.image_id, embedding.source_hash, embedding.vector
        FROM catalog_embedding embedding
        JOIN catalog_productimage image ON image.product_id = embedding.product_id
            AND image.id = embedding.image_id AND image.content_hash = embedding.source_hash
        WHERE embedding.encoder_id = {encoder} AND {condition}
        """
    ).format(encoder=sql.Literal(encoder_id), condition=condition or sql.SQL("TRUE"))


def indexed_embeddings(encoder_id: int, condition: sql.Composable | None = None) -> sql.Composable:
    """Returns a query of the current embeddings that have vectors: of a product's images of equal
    content, only the first. Otherwise the same as `current_embeddings`."""
    first = sql.SQL("{} AND {}").format(condition or sql.SQL("TRUE"), IS_FIRST_OF_ITS_CONTENT)
    return current_embeddings(encoder_id, first)


def products_with_stale_vectors(generation: Generation) -> list[int]:
    """Returns the products whose vectors in this generation differ from those that their current
    embeddings make, in any order. Reads all vectors of the generation."""
    query = sql.SQL(
        """
        SELECT DISTINCT coalesce(embedding.product_id, vector.product_id)
        FROM ({indexed_embeddings}) AS embedding
        FULL JOIN ({contents}) vector USING (product_id, image_id)
        WHERE embedding.source_hash IS DISTINCT FROM vector.source_hash
        """
    ).format(
        indexed_embeddings=indexed_embeddings(generation.encoder_id),
        contents=vector_store().contents(generation),
    )
    return _first_column(query)


def stale_products(generation: Generation) -> sql.Composable:
    """Returns a query of the products that are not current in this generation: `product_id`. It
    reads all vectors of the generation."""
    return sql.SQL(
        """
        SELECT DISTINCT coalesce(image.product_id, vector.product_id) AS product_id
        FROM (SELECT * FROM catalog_productimage image WHERE {is_first}) image
        FULL JOIN ({contents}) vector
            ON vector.product_id = image.product_id AND vector.image_id = image.id
        LEFT JOIN indexing_imagefailure failure ON {is_quarantined}
        WHERE vector.source_hash IS DISTINCT FROM image.content_hash AND failure.image_id IS NULL
        UNION
        SELECT product.id FROM catalog_product product
        LEFT JOIN catalog_indexedproduct indexed ON indexed.product_id = product.id
        WHERE {text_is_stale}
        """
    ).format(
        contents=vector_store().contents(generation),
        is_first=IS_FIRST_OF_ITS_CONTENT,
        is_quarantined=IS_QUARANTINED,
        text_is_stale=TEXT_IS_STALE,
    )


def settle_changes(notes: sql.Composable) -> list[int]:
    """Removes change notes, and records that their changes are searchable. `notes`: a query of
    `product_id` and `seq`. Returns the products among them that no longer exist.

    A note whose `seq` has grown stays: the product changed again after the note was read. Runs
    within the caller's transaction, which makes the changes searchable."""
    query = sql.SQL(
        """
        WITH settled AS (
            DELETE FROM catalog_productchange change USING ({notes}) AS note
            WHERE change.product_id = note.product_id AND change.seq = note.seq
            RETURNING change.product_id, change.changed_at
        ), indexed AS (
            UPDATE catalog_indexedproduct indexed
            SET changed_at = settled.changed_at, indexed_at = clock_timestamp()
            FROM settled WHERE settled.product_id = indexed.product_id
        )
        SELECT product_id FROM settled
        WHERE NOT EXISTS (SELECT FROM catalog_product WHERE id = product_id)
        """
    ).format(notes=notes)
    return _first_column(query)


def quarantined_images() -> sql.Composable:
    """Returns a query of the images that are quarantined in their present content: `product_id`,
    `id`."""
    return sql.SQL(
        "SELECT image.product_id, image.id FROM catalog_productimage image"
        " JOIN indexing_imagefailure failure ON {is_quarantined}"
    ).format(is_quarantined=IS_QUARANTINED)


def _stale_images(version: EncoderVersion) -> sql.Composed:
    return sql.SQL(
        """
        SELECT image.product_id, image.id AS image_id, image.file, image.content_hash
        FROM catalog_productimage image
        LEFT JOIN catalog_embedding embedding ON embedding.encoder_id = {encoder}
            AND embedding.product_id = image.product_id AND embedding.image_id = image.id
        LEFT JOIN indexing_imagefailure failure ON {is_quarantined}
        WHERE embedding.source_hash IS DISTINCT FROM image.content_hash
            AND failure.image_id IS NULL
        """
    ).format(encoder=sql.Literal(version.pk), is_quarantined=IS_QUARANTINED)


def _ids(product_ids: Sequence[int]) -> sql.Composable:
    return sql.SQL("{}::bigint[]").format(sql.Literal(list(product_ids)))


def _first_column(query: sql.Composable) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]
