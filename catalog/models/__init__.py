"""The tables both sides agree on: products and tags, and the vectors made from them."""

from catalog.models.adapter import Adapter
from catalog.models.change import IndexedProduct, ProductChange
from catalog.models.embedding import Embedding, EncoderVersion, Projection
from catalog.models.generation import Generation
from catalog.models.product import Category, Product, ProductImage
from catalog.models.tag import ProductTag, Tag

__all__ = [
    "Adapter",
    "Category",
    "Embedding",
    "EncoderVersion",
    "Generation",
    "IndexedProduct",
    "Product",
    "ProductChange",
    "ProductImage",
    "ProductTag",
    "Projection",
    "Tag",
]
