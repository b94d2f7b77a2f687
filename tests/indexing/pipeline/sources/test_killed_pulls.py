"""Worker processes are killed while they write a feed or take it back. The next one finishes:
nothing is lost, nothing is written twice, and an undo takes back all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from catalog.models import ImportedRow, Product, ProductImport, Source
from indexing.pipeline.sources.source_actions import add_source, undo_last
from tests.indexing.pipeline.sources.feeds import counts, last, undo
from tests.support.processes import Processes, wait_until

PATIENCE_S = 900.0  # also on a busy machine


@pytest.fixture
def shop(processes: Processes, settings: Any, tmp_path: Path) -> Source:
    settings.IMPORT_ROOT = tmp_path / "feeds"
    settings.IMPORT_ROOT.mkdir()
    write_feed(1, 1)
    return add_source("shop", "shop.csv")


def write_feed(rows: int, price: int) -> None:
    from django.conf import settings

    lines = "".join(f"p{n},Thing {n},{price + n / 100:.2f},yes\n" for n in range(rows))
    (Path(settings.IMPORT_ROOT) / "shop.csv").write_text(f"sku,title,price,in_stock\n{lines}")


def kill_in_the_middle(
    processes: Processes, step: str, progress: Callable[[], int], total: int
) -> None:
    """Starts a worker, and kills it when it has done a part of the total that it has not begun
    with."""
    begun = progress()
    worker = start(processes, step)
    wait_until(
        lambda: begun < progress() < total or worker.poll() is not None, PATIENCE_S, every_s=0.005
    )
    processes.kill(worker)
    assert begun < progress() < total, processes.log.read_text()


def start(processes: Processes, step: str) -> Any:
    from django.conf import settings

    root = str(settings.IMPORT_ROOT)
    return processes.start("index", "sources", step, "shop", IMPORT_ROOT=root)


def finish(processes: Processes, step: str) -> None:
    assert start(processes, step).wait(PATIENCE_S) == 0, processes.log.read_text()


def written() -> int:
    return Product.objects.count()


def repriced() -> int:
    return Product.objects.filter(price__gte=1000).count()


def entries() -> int:
    return ImportedRow.objects.count()


def products_named_twice() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM catalog_sourceproduct GROUP BY sku"
            " HAVING count(*) > 1) AS twice"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.long
def test_a_worker_is_killed_while_it_writes_a_feed(processes: Processes, shop: Source) -> None:
    rows = 1_500
    write_feed(rows, 1)
    kill_in_the_middle(processes, "pull", written, rows)
    assert last(shop).state == ProductImport.State.RUNNING

    finish(processes, "pull")

    assert Product.objects.filter(title__startswith="Thing").count() == written() == rows
    done = shop.imports.get()
    assert (done.state, counts(done)) == ("succeeded", (rows, 0, 0, 0))
    assert entries() == rows
    assert products_named_twice() == 0
    undo(shop)
    assert written() == 0


@pytest.mark.long
def test_workers_are_killed_again_and_again(processes: Processes, shop: Source) -> None:
    rows = 11_000
    write_feed(rows, 1)
    for _ in range(3):
        kill_in_the_middle(processes, "pull", written, rows)
    finish(processes, "pull")
    assert (written(), counts(shop.imports.get())) == (rows, (rows, 0, 0, 0))

    write_feed(rows, 1000)  # prices alone
    kill_in_the_middle(processes, "pull", repriced, rows)
    finish(processes, "pull")
    assert (repriced(), counts(last(shop))) == (rows, (0, rows, 0, 0))
    assert entries() == rows

    undo_last(shop, "anna")
    kill_in_the_middle(processes, "undo", lambda: rows - entries(), rows)
    finish(processes, "undo")

    assert (repriced(), written(), entries()) == (0, rows, 0)
    assert last(shop).kept == 0
    assert products_named_twice() == 0
