"""A query's parts put together as one vector of the index space."""

from collections.abc import Sequence

import numpy as np
from psycopg import sql

from catalog.index.live_index import LiveIndex
from catalog.index.vectors import combine, mean_direction, read_rows
from catalog.models import Product
from search.request import RequestError, SearchRequest
from search.serving.admission import Deadline
from search.serving.single_flight import SingleFlightCache

TEXT_WEIGHT = 0.6  # of words added to a photo or a product
LESS_WEIGHT = 0.4  # of what to move away from
TEXTS_KEPT = 1024

encoded_texts: SingleFlightCache[np.ndarray] = SingleFlightCache(TEXTS_KEPT)


def embed_query(
    request: SearchRequest, photos: Sequence[np.ndarray], index: LiveIndex, deadline: Deadline
) -> np.ndarray:
    """Query vectors of the index space, float32 (q, dimensions) of unit length, one for each of
    `photos` (unit vectors by the query encoder of what is searched for in the photo) or one without
    a photo: that, or the mean of the product's photos, plus the words, minus what to move away
    from. Vectors of products come from the database."""
    parts: list[tuple[float, np.ndarray]] = []
    if request.product_id is not None:
        parts.append((1.0, product_vector(request.product_id, index)))
    if request.text:
        weight = TEXT_WEIGHT if parts or photos else 1.0
        parts.append((weight, text_vector(request.text, index, deadline)))
    if request.less_text:
        parts.append((-LESS_WEIGHT, text_vector(request.less_text, index, deadline)))
    for product_id in request.less_products:
        parts.append((-LESS_WEIGHT, product_vector(product_id, index)))
    if not photos:
        return combine(parts)[None]
    stored = index.to_index_space(np.stack(photos))
    return np.stack([combine([(1.0, photo), *parts]) for photo in stored])


def text_vector(text: str, index: LiveIndex, deadline: Deadline) -> np.ndarray:
    """A text in the index space, unit (dimensions,); the same one is encoded once. Raises
    Overloaded where another search encodes it for too long."""
    encoder = index.query_encoder
    key = (text, encoder.checksum)
    with deadline.enforced():
        vector = encoded_texts.get(key, lambda: encoder.encode_texts([text]), deadline.left())
    return index.to_index_space(vector)[0]


def product_vector(product_id: int, index: LiveIndex) -> np.ndarray:
    """The mean of a product's stored embeddings. Raises RequestError where there are none."""
    query = sql.SQL(
        "SELECT vector FROM catalog_embedding WHERE encoder_id = {} AND product_id = {}"
    ).format(sql.Literal(index.generation.encoder_id), sql.Literal(product_id))
    vectors = [row[0].astype(np.float32) for row in read_rows(query, ["halfvec"])]
    if vectors:
        return mean_direction(np.stack(vectors))
    if not Product.objects.visible().filter(pk=product_id).exists():
        raise RequestError("not_found", f"There is no product {product_id}.", 404)
    raise RequestError(
        "index_not_ready", f"Product {product_id} is not indexed yet: try again later.", 503
    )
