"""Pulls sources and takes imports back as the worker does, and reads what came of it."""

from typing import Any

from django.utils import timezone

from catalog.models import Product, ProductImport, Source
from indexing.models import IndexingRun
from indexing.pipeline.sources.import_run import start_imports
from indexing.pipeline.sources.source_actions import undo_last
from indexing.pipeline.worker import work_on
from tests.catalog.importing.fetching.photo_server import PhotoServer

HEADER = "sku,title,price,in_stock"
SHOP = f"""{HEADER}
lamp,Lamp,10.00,yes
sofa,Sofa,20.00,yes
desk,Desk,30.00,no
"""
SHIRT = """sku,group,is_group,title,option:size,price,in_stock
shirt,shirt,yes,Shirt,,,
shirt-s,shirt,,,S,12,yes
shirt-m,shirt,,,M,10,yes
"""


def pull(source: Source, **fields: Any) -> Source:
    """Pulls a source now, and returns it as it is then."""
    Source.objects.filter(pk=source.pk).update(next_at=timezone.now(), **fields)
    run = work_on(start_imports())
    assert (run.state, run.error) == (IndexingRun.State.SUCCEEDED, "")
    return Source.objects.get(pk=source.pk)


def send(server: PhotoServer, source: Source, lines: str, **headers: str) -> Source:
    """Changes the feed of a source, and pulls it."""
    server.put(f"/{source.name}.csv", lines.encode(), **headers)
    return pull(source)


def undo(source: Source | None) -> ProductImport:
    """Takes the last import of a source back."""
    undone = undo_last(source, "anna")
    run = work_on(start_imports())
    assert (run.state, run.error) == (IndexingRun.State.SUCCEEDED, "")
    undone.refresh_from_db()
    assert undone.state == ProductImport.State.UNDONE
    return undone


def last(source: Source) -> ProductImport:
    found = source.imports.first()
    assert found is not None
    return found


def counts(product_import: ProductImport) -> tuple[int, int, int, int]:
    """Returns how many products were added, changed, hidden and removed."""
    done = product_import
    return done.added, done.changed, done.hidden, done.removed


def prices() -> dict[str, str]:
    """Returns the price of each visible product, by sku."""
    visible = Product.objects.visible()
    return {sku: str(price) for sku, price in visible.values_list("sku", "price")}
