"""What became of each item of a call that changes many products. Each call is one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from catalog.importing.categories import CategoryTree
from catalog.importing.files import ImportReport
from catalog.importing.history.recorded_imports import (
    RecordedImport,
    begin_import,
    finish_import,
)
from catalog.importing.records import RecordError
from catalog.importing.rows.keeping import ImportKeeper
from catalog.importing.rows.row_groups import ProductRows, RowGroups
from catalog.importing.upsert import reprice_rows, upsert_rows
from catalog.models import ApiKey, Product, Variant
from catalog.models.attributes import is_unicode

MAX_ITEMS = 1_000  # of a call
PRICE_FIELDS = {"sku", "price", "in_stock"}


@dataclass(frozen=True)
class ItemResult:
    """`status`: created, updated or refused. `id`: that of the product, or None if it is refused.
    `error`: a sentence, or empty. `index`: the place of the item in the call, from 0."""

    index: int
    sku: str
    status: str
    id: int | None = None
    error: str = ""


class _PricesKeeper(ImportKeeper):
    is_partial = True


def import_items(items: Sequence[Any], by: str, api_key: ApiKey | None) -> list[ItemResult]:
    """Creates or updates products, as an import of a file does. Items with the same `group` are
    variants of one product. Images must be web addresses; the worker fetches them. Refused items
    leave the others alone. The import is remembered, as one of the key, so that it can be taken
    back. Raises OperationalError; then nothing is written."""
    refused, products = _group(items, is_partial=False)
    skus = {product.sku for product in products}
    with transaction.atomic():
        begun = begin_import(by, by, api_key=api_key)
        before = set(Product.objects.filter(sku__in=skus).values_list("sku", flat=True))
        _, errors = upsert_rows(products, _refuse_file, CategoryTree(), RecordedImport(begun))
        refused |= errors
        ids = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))
        results = {}
        for product in products:
            status = "updated" if product.sku in before else "created"
            for row in product.rows:
                found = ids.get(product.sku)
                results[row.line] = ItemResult(row.line, row.record.sku, status, found)
        in_order = _in_order(items, results, refused)
        finish_import(begun, _report_on(in_order))
    return in_order


def _report_on(results: Sequence[ItemResult]) -> ImportReport:
    """Returns the report of an import, with the places of the items, from 0, as line numbers."""
    report = ImportReport()
    for result in results:
        if result.status == "refused":
            report.refuse(result.index, result.error, result.sku)
        else:
            report.written += 1
    return report


def change_prices(items: Sequence[Any]) -> list[ItemResult]:
    """Changes price and stock of products and variants, by sku, and nothing else. Raises
    OperationalError; then nothing is written."""
    refused = {index: reason for index, item in enumerate(items) if (reason := _find_problem(item))}
    refused |= _with_variants(items)
    more, products = _group(items, is_partial=True, leave_out=refused)
    refused |= more
    written = reprice_rows(products, _PricesKeeper())
    lines = {row.line: row.record for product in written for row in product.rows}
    ids = _ids_by_sku({record.sku for record in lines.values()})
    results = {
        line: ItemResult(line, record.sku, "updated", ids.get(record.sku))
        for line, record in lines.items()
    }
    missed = [row.line for product in products for row in product.rows if row.line not in lines]
    refused |= dict.fromkeys(missed, "no product or variant has this sku")
    return _in_order(items, results, refused)


def _with_variants(items: Sequence[Any]) -> dict[int, str]:
    """Refuses products with variants, whose prices and stock follow from these."""
    given = {i: str(item.get("sku")).strip() for i, item in enumerate(items) if _is_object(item)}
    storable = {sku for sku in given.values() if is_unicode(sku) and "\0" not in sku}
    derived = Product.objects.filter(sku__in=storable, variants__isnull=False)
    found = set(derived.values_list("sku", flat=True))
    found -= set(Variant.objects.filter(sku__in=found).values_list("sku", flat=True))
    reason = "the product has variants: change their prices and stock"
    return {index: reason for index, sku in given.items() if sku in found}


def _is_object(item: Any) -> bool:
    return isinstance(item, Mapping)


def _find_problem(item: Any) -> str:
    """Says why an item is no change of a price or stock, or returns ""."""
    if not _is_object(item):
        return "a change must be a JSON object"
    if unknown := sorted(str(name) for name in item if name not in PRICE_FIELDS):
        return f"only price and in_stock can be changed here, not {unknown[0][:100]}"
    given = [name for name in ("price", "in_stock") if item.get(name) is not None]
    return "" if given else "give price, in_stock or both"


def _group(
    items: Sequence[Any], *, is_partial: bool, leave_out: Iterable[int] = ()
) -> tuple[dict[int, str], list[ProductRows]]:
    """Returns {index: reason} of the items that are refused, and the rows of each product."""
    refused: dict[int, str] = {}

    def refuse(index: int, reason: str, sku: str) -> None:
        refused[index] = reason

    left_out = set(leave_out)
    with RowGroups(refuse, is_partial=is_partial) as groups:
        for index, item in enumerate(items):
            if index not in left_out:
                groups.add(index, item)
        return refused, list(groups.products())


def _refuse_file(name: str) -> bytes:
    raise RecordError(f"image {name!r} is not a web address")


def _ids_by_sku(skus: set[str]) -> dict[str, int]:
    """Returns the id of the product of each sku, which may be that of a variant."""
    variants = Product.objects.filter(variants__sku__in=skus).values_list("variants__sku", "pk")
    return dict(variants) | dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))


def _in_order(
    items: Sequence[Any], results: dict[int, ItemResult], refused: dict[int, str]
) -> list[ItemResult]:
    for index, reason in refused.items():
        item = items[index]
        sku = item.get("sku") if isinstance(item, Mapping) else ""
        shown = str(sku)[:200] if isinstance(sku, str | int | float) else ""
        sentence = reason[:1].upper() + reason[1:]
        ended = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
        results[index] = ItemResult(index, shown, "refused", error=ended)
    return [results[index] for index in sorted(results)]
