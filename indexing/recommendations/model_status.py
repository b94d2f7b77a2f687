"""Describes factor models for operators: their states, figures and freshness."""

from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg import sql

from catalog.models import FactorModel

# Products that wait are searchable already, and get a factor at the end of a refresh.
COUNT_PRODUCTS = sql.SQL("""
    SELECT count(*) FILTER (WHERE is_learned), count(*) FILTER (WHERE NOT is_learned), (
        SELECT count(*) FROM catalog_product product
        WHERE product.is_visible AND EXISTS (
            SELECT FROM catalog_embedding embedding WHERE embedding.product_id = product.id
                AND embedding.encoder_id = (
                    SELECT encoder_id FROM catalog_generation WHERE state = 'live'))
            AND NOT EXISTS (SELECT FROM {table} known WHERE known.product_id = product.id))
    FROM {table}
""")


def list_models() -> list[dict[str, Any]]:
    """Returns the models, the newest first, ready for JSON. The live one has `age_s`, the seconds
    since it was trained, and `products`: how many have a factor that is learned from their history
    or predicted from their embeddings, and how many wait for one."""
    return [_describe(model) for model in FactorModel.objects.defer("gram_bytes", "ridge_bytes")]


def _describe(model: FactorModel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": model.pk,
        "state": model.state,
        "note": model.note,
        "trained_at": model.created_at.isoformat(),
        "published_at": model.published_at and model.published_at.isoformat(),
        "figures": model.figures,
    }
    if model.state == FactorModel.State.LIVE:
        described["age_s"] = round((timezone.now() - model.created_at).total_seconds(), 1)
        described["products"] = _count_products(model)
    return described


def _count_products(model: FactorModel) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(COUNT_PRODUCTS.format(table=sql.Identifier(model.factor_table)))
        return dict(zip(("learned", "predicted", "waiting"), cursor.fetchone(), strict=True))
