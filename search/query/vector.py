"""Embeds queries: combines the vectors of photos, words and products in the index space."""

from collections.abc import Sequence

import numpy as np

from catalog.index.live_index import IndexSpace, LiveIndex
from catalog.index.prepared_sql import fetch_rows
from catalog.index.vectors import combine, mean_direction
from catalog.models import Product
from search.errors import RequestError
from search.request import SearchRequest
from search.serving.deadline import Deadline
from search.serving.single_flight import SingleFlightCache

LIKE_WEIGHT = 4.0  # of a product that shoppers want more of, beside a photo
TEXT_WEIGHT = 0.6  # of words that complement a photo or a product
LESS_WEIGHT = 0.4  # of words and products to move away from
WORDS_LENGTH = 0.55  # of the part of a photo's vector that words use, where these weights hold
MAX_CACHED_TEXTS = 1024
PRODUCT_VECTORS = """
    SELECT product_id, vector FROM catalog_embedding WHERE encoder_id = %s AND product_id = ANY(%s)
"""

encoded_texts: SingleFlightCache[np.ndarray] = SingleFlightCache(MAX_CACHED_TEXTS)


def embed_query(
    request: SearchRequest,
    photos: Sequence[np.ndarray],
    liked: np.ndarray | None,
    index: LiveIndex,
    deadline: Deadline,
) -> np.ndarray:
    """Returns query vectors in the index space, float32 (q, dimensions) of unit length. `photos`
    are unit vectors by the query encoder, one for each object to search for. `liked`: the result of
    `read_liked`.

    There is one query vector for each of `photos`, or one without photos. It is the weighted sum of
    the photo's vector, the mean vector of the product's photos and the vector of the words, minus
    the vectors of `less_text` and `less_products`. Raises RequestError (Overloaded is one)."""
    mapped = list(index.to_index_space(np.stack(photos))) if photos else []
    parts: list[tuple[float, np.ndarray]] = []
    if liked is not None:
        parts.append((LIKE_WEIGHT if mapped else 1.0, liked))
    shown = [*mapped, *(vector for _, vector in parts)]
    if request.text:
        words = encode_text(request.text, index, deadline)
        parts.append((TEXT_WEIGHT * weigh_words(words, shown) if shown else 1.0, words))
    if request.less_text:
        words = encode_text(request.less_text, index, deadline)
        parts.append((-LESS_WEIGHT * weigh_words(words, shown), words))
    for product_id in request.less_products:
        parts.append((-LESS_WEIGHT, read_product_vector(product_id, index)))
    if not mapped:
        return combine(parts)[None]
    return np.stack([combine([(1.0, photo), *parts]) for photo in mapped])


def read_liked(request: SearchRequest, index: LiveIndex) -> np.ndarray | None:
    """Returns the vector (dimensions,) of the product that the shopper wants more of, or None
    without one. Raises RequestError if the product has no vector."""
    return None if (pk := request.product_id) is None else read_product_vector(pk, index)


def weigh_words(words: np.ndarray, shown: Sequence[np.ndarray]) -> float:
    """Returns a factor of the weight of words beside photos, so that they count equally by all
    encoders that keep some numbers for looks, in which texts have zeros. `words`: a unit vector
    (dimensions,). `shown`: unit vectors of photos."""
    used = words != 0
    if used.all() or not shown:
        return 1.0
    return WORDS_LENGTH / max(0.1, float(np.linalg.norm(np.stack(shown)[:, used], axis=1).mean()))


def encode_words(request: SearchRequest, index: LiveIndex, deadline: Deadline) -> np.ndarray | None:
    """Returns the vector (dimensions,) of words that complement a photo or a product, or None in a
    search by words alone. Raises Overloaded."""
    return None if request.kind == "text" else encode_text(request.text, index, deadline)


def encode_text(text: str, index: LiveIndex, deadline: Deadline) -> np.ndarray:
    """Returns the unit vector (dimensions,) of a text in the index space. Encodes each text once.
    Raises Overloaded if another search is encoding the same text when the time is up."""
    encoder = index.query_encoder
    key = (text, encoder.checksum)
    with deadline.enforced():
        vector = encoded_texts.get(key, lambda: encoder.encode_texts([text]), deadline.left())
    return index.to_index_space(vector)[0]


def read_product_vector(product_id: int, index: IndexSpace) -> np.ndarray:
    """Returns the mean direction of a product's embeddings, (dimensions,). Raises RequestError if
    the product has none."""
    vector = read_product_vectors([product_id], index).get(product_id)
    if vector is not None:
        return vector
    if not Product.objects.visible().filter(pk=product_id).exists():
        raise RequestError("not_found", f"There is no product {product_id}.", 404)
    raise RequestError(
        "index_not_ready", f"Product {product_id} is not indexed yet: try again later.", 503
    )


def read_product_vectors(product_ids: Sequence[int], index: IndexSpace) -> dict[int, np.ndarray]:
    """Returns the mean directions (dimensions,) of the embeddings of those of the products that
    have any."""
    vectors: dict[int, list[np.ndarray]] = {}
    wanted = [index.generation.encoder_id, list(product_ids)]
    for pk, vector in fetch_rows(PRODUCT_VECTORS, wanted) if product_ids else ():
        vectors.setdefault(pk, []).append(vector.to_numpy().astype(np.float32))
    return {pk: mean_direction(np.stack(of_product)) for pk, of_product in vectors.items()}
