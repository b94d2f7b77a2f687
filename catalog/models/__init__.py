"""The tables that the offline and the online side share: products, tags, vectors, the search log
and what Vitrina learns from clicks."""

from catalog.models.api_access import ApiKey, IdempotentCall, Scope, Webhook, WebhookDelivery
from catalog.models.change import IndexedProduct, ProductChange
from catalog.models.embedding import Adapter, Embedding, EncoderVersion, Projection
from catalog.models.feedback import ClickRate, Event, LoggedSearch, Reranker
from catalog.models.generation import Generation, Publication
from catalog.models.image_address import AddressedImage, ImageAddress
from catalog.models.operations import AuditEntry, Measurement, QuerySample, RefusedSearches
from catalog.models.origins import ClickBurst, EventAllowance, OriginKey
from catalog.models.product import Category, Product, ProductImage
from catalog.models.recommendation import ExperimentSession, FactorModel, RankingExperiment
from catalog.models.source import (
    ImportedRow,
    ProductImport,
    RefusedLine,
    Source,
    SourceProduct,
)
from catalog.models.tag import ProductTag, SearchTerm, Tag, TagCalibration
from catalog.models.variant import Variant

__all__ = [
    "Adapter",
    "AddressedImage",
    "ApiKey",
    "AuditEntry",
    "Category",
    "ClickBurst",
    "ClickRate",
    "Embedding",
    "EncoderVersion",
    "Event",
    "EventAllowance",
    "ExperimentSession",
    "FactorModel",
    "Generation",
    "IdempotentCall",
    "ImageAddress",
    "ImportedRow",
    "IndexedProduct",
    "LoggedSearch",
    "Measurement",
    "OriginKey",
    "Product",
    "ProductChange",
    "ProductImage",
    "ProductImport",
    "ProductTag",
    "Projection",
    "Publication",
    "QuerySample",
    "RankingExperiment",
    "RefusedLine",
    "RefusedSearches",
    "Reranker",
    "Scope",
    "SearchTerm",
    "Source",
    "SourceProduct",
    "Tag",
    "TagCalibration",
    "Variant",
    "Webhook",
    "WebhookDelivery",
]
