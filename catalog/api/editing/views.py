"""Calls that change the catalogue: imports, prices and stock, deletions."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView, find_row, name_caller
from catalog.api.call_figures import ITEMS
from catalog.api.editing.item_results import ItemResult, change_prices, import_items
from catalog.api.editing.serializers import (
    ADDRESS,
    ImportSerializer,
    ItemResultsSerializer,
    PriceChangesSerializer,
    ProductImportSerializer,
    ProductPricesSerializer,
)
from catalog.api.idempotent_calls import answer_once
from catalog.api.problems import problem_responses
from catalog.console.audit_log import record
from catalog.models import Product, Scope

ITEM = {"index": 0, "sku": "A-100", "status": "created", "id": 723, "error": ""}
REFUSED = {"index": 1, "sku": "", "status": "refused", "id": None, "error": "Sku is missing."}
PRODUCT = {
    "sku": "A-100",
    "title": "Oak armchair",
    "category": "Living room > Armchairs",
    "brand": "Nordwood",
    "price": 249.9,
    "currency": "EUR",
    "images": [ADDRESS],
}


class ProductImportView(ApiView):
    scopes = (Scope.CATALOG,)
    is_repeatable = True

    @extend_schema(
        operation_id="products_import",
        request=ProductImportSerializer,
        responses={200: ItemResultsSerializer, **problem_responses(body=True, repeatable=True)},
        examples=[
            OpenApiExample("An armchair", {"products": [PRODUCT]}, request_only=True),
            OpenApiExample(
                "One of two",
                {"written": 1, "refused": 1, "items": [ITEM, REFUSED]},
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Creates or updates up to 1,000 products by sku, in one transaction. The answer has a
        result for each item: refused items leave the others alone. Searches find a product by its
        words at once, and by its photos after the next refresh."""
        serializer = ImportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        items = serializer.validated_data["products"]
        key: Any = request.auth

        def answer() -> Response:
            results = import_items(items, name_caller(request), key)
            return answer_items(request, "import", results)

        return answer_once(request, answer)


class PriceChanges(ApiView):
    """The part of a view that changes prices and stock."""

    method_scopes = {"PATCH": (Scope.CATALOG,)}

    @extend_schema(
        operation_id="products_change",
        request=ProductPricesSerializer,
        responses={200: ItemResultsSerializer, **problem_responses(body=True)},
        examples=[
            OpenApiExample(
                "A sale", {"changes": [{"sku": "A-100", "price": 199.0}]}, request_only=True
            ),
            OpenApiExample(
                "Done",
                {"written": 1, "refused": 0, "items": [{**ITEM, "status": "updated"}]},
                response_only=True,
            ),
        ],
    )
    def patch(self, request: Request) -> Response:
        """Changes price and stock of up to 1,000 products and variants by sku, in one transaction.
        Searches show them at once. The answer has a result for each item."""
        serializer = PriceChangesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed = change_prices(serializer.validated_data["changes"])
        return answer_items(request, "change prices", changed)


class ProductDeletion(ApiView):
    """The part of a view that deletes a product."""

    method_scopes = {"DELETE": (Scope.CATALOG,)}

    @extend_schema(
        operation_id="products_delete",
        responses={204: None, **problem_responses("not_found")},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Deletes a product with its variants. Results no longer show it from now on."""
        product = find_row(Product, pk, "product")
        product.delete()
        record(name_caller(request), "delete", f"product {pk}", product.sku)
        return Response(status=204)


def answer_items(request: Request, action: str, results: list[ItemResult]) -> Response:
    """Returns the results as JSON, and records the change."""
    for result in results:
        ITEMS.labels(action, result.status).inc()
    written = sum(result.status != "refused" for result in results)
    counts = {"written": written, "refused": len(results) - written}
    if written:
        record(name_caller(request), action, f"{written} products")
    shape: dict[str, Any] = {**counts, "items": [asdict(result) for result in results]}
    return Response(ItemResultsSerializer(shape).data)
