"""`manage.py bench_search`: measures the speed of searches and compares it with a floor."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.test import override_settings

from catalog.demo.synthetic import index_synthetic_catalogue, scratch_database
from catalog.demo.synthetic_tastes import make_tastes
from catalog.index.factor_store import live_factors
from catalog.index.live_index import IndexNotReady, live_index
from catalog.index.vector_store import STORES
from catalog.models import Event, Product
from catalog.visual.errors import EncoderError
from search.page.warm_up import warm_up
from search.quality.call_benchmark import measure_calls, measure_charges
from search.quality.recommendation_benchmark import RecommendationBenchmark
from search.quality.search_benchmark import (
    STAGES,
    Load,
    encode_queries,
    make_price_filter,
    measure_load,
    measure_recall,
    measure_with_floor,
    read_photos,
)
from search.quality.store_benchmark import (
    build_store,
    compared_filters,
    measure_retrieval,
    using,
)
from search.request import SearchRequest

PHOTO_FOLDER = settings.BASE_DIR / "catalog" / "demo" / "photos"
CLIENT_COUNTS = (4, 16)
PASSING_SHARES = (1.0, 0.1, 0.01, 0.001)
RECALL_QUERIES = 40
MIDDLE_BOX = (0.1, 0.1, 0.8, 0.8)


class Command(BaseCommand):
    help = (
        "Measures searches by photo: milliseconds by stage for several clients, the floor of"
        " decoding, encoder and SQL statement alone, and recall under filters. Then measures"
        " recommendations."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--products",
            type=int,
            default=0,
            metavar="N",
            help="measure with N products, the demo's and synthetic ones, in a separate database"
            " (default: measure the live index)",
        )
        parser.add_argument(
            "--keep", action="store_true", help="keep that database, and use a kept one"
        )
        parser.add_argument(
            "--searches", type=int, default=200, help="searches for each measurement"
        )
        parser.add_argument(
            "--recommendations", action="store_true", help="only measure recommendations"
        )
        parser.add_argument(
            "--stores",
            nargs="+",
            choices=sorted(STORES),
            help="only compare these vector stores with N products; Qdrant is its engine in this"
            " process",
        )
        parser.add_argument(
            "--figures",
            type=Path,
            metavar="FILE",
            help="only measure searches by whole photos in the live index, and write the"
            " milliseconds of each to FILE as JSON",
        )
        parser.add_argument(
            "--calls",
            action="store_true",
            help="only measure what the limits of the API cost a call, with the live index",
        )

    def handle(self, *args: Any, products: int, keep: bool, searches: int, **options: Any) -> None:
        try:
            if options["calls"]:
                self._measure_calls(searches)
                return
            if options["figures"]:
                self._write_figures(options["figures"], searches)
                return
            measure = self._measure_recommendations if options["recommendations"] else self._measure
            if options["stores"] and not products:
                raise CommandError("--stores needs --products N: it makes the stores anew.")
            if not products:
                measure(searches)
                return
            aside = override_settings(MEDIA_ROOT=settings.DATA_DIR / "bench", LABELLED_PHOTOS="")
            with scratch_database(f"vitrina_bench_{products}", keep), aside:
                if Product.objects.count() < products:
                    index_synthetic_catalogue(products)
                if options["stores"]:
                    self._compare(options["stores"])
                    return
                if live_factors() is None:
                    make_tastes()
                measure(searches)
        except (IndexNotReady, EncoderError) as error:
            raise CommandError(str(error)) from error

    def _measure(self, searches: int) -> None:
        index, photos = live_index(), read_photos(PHOTO_FOLDER)
        self.stdout.write(
            f"{index.generation.images} images of {index.generation.products} products,"
            f" {len(photos)} photos, {searches} searches each"
        )
        warm_up()
        for name, box in (
            ("whole photo, through its objects", None),
            ("box of a photo", MIDDLE_BOX),
        ):
            request = SearchRequest(box=box)
            measure_load(photos, 1, len(photos), request)  # fills caches
            self.stdout.write(f"\n{name}\n{'':12}" + "".join(f"{s:>24}" for s in STAGES))
            floor, alone = measure_with_floor(photos, searches, request)
            self._print_load("floor", floor)
            self._print_load("1 client", alone)
            ratio = alone.percentile("total", 50) / floor.percentile("total", 50)
            self.stdout.write(f"{'':12}{ratio:.2f} times the floor")
            for clients in CLIENT_COUNTS:
                load = measure_load(photos, clients, searches, request)
                self._print_load(f"{clients} clients", load)
        self._print_sharing(photos, searches)
        self.stdout.write("\nfilters passed by   recall@20   retrieval p50 ms")
        queries = encode_queries(photos, index)[:RECALL_QUERIES]
        for share in PASSING_SHARES:
            recall, median_ms = measure_recall(queries, make_price_filter(share))
            self.stdout.write(f"{share:>16.1%}{recall:>12.4f}{median_ms:>19.1f}")
        memory = psutil.Process().memory_info().rss / 1024**2
        self.stdout.write(f"\nresident memory {memory:.0f} MB")
        self._measure_recommendations(searches)

    def _measure_recommendations(self, requests: int) -> None:
        if (model := live_factors()) is None or not Event.objects.exists():
            self.stdout.write("\nno recommendations: there is no live factor model, or no history")
            return
        benchmark = RecommendationBenchmark(model)
        recall = benchmark.measure_recall()
        self.stdout.write(f"\nrecall of the graph of factors: {recall:.4f}")
        titles = ("p50", "p95", "worst", "floor p50", "ratio", "in memory p50")
        self.stdout.write(f"{'recommendations':16}" + "".join(f"{t:>15}" for t in titles))
        for kind in benchmark.shoppers:
            benchmark.measure(kind, len(benchmark.shoppers[kind]))  # fills caches
            pace = benchmark.measure(kind, requests)
            p50, p95, worst = np.percentile(pace.recommend, (50, 95, 100))
            floor, exact = np.median(pace.nearest), np.median(pace.exact)
            cells = (p50, p95, worst, floor, p50 / floor, exact)
            self.stdout.write(f"{kind:16}" + "".join(f"{cell:>15.2f}" for cell in cells))

    def _compare(self, stores: list[str]) -> None:
        """Prints what the stores cost, and their retrieval in turns."""
        index, photos = live_index(), read_photos(PHOTO_FOLDER)
        self.stdout.write(f"{index.generation.images} images")
        with TemporaryDirectory(dir=settings.DATA_DIR) as name:
            folder = Path(name)
            for store in stores:
                with using(store, folder):
                    built = build_store(folder)
                memory = "?" if built.memory is None else f"{built.memory / 1024**2:.0f}"
                self.stdout.write(
                    f"{store}: built in {built.build_s:.0f} s, {built.disk / 1024**2:.0f} MB on"
                    f" disk, {memory} MB of memory"
                )
            queries = encode_queries(photos, index)[:RECALL_QUERIES]
            self.stdout.write(f"{'filters':<28}{'store':<10}recall@20   p50 ms   p95 ms")
            for each in measure_retrieval(stores, folder, queries, compared_filters()):
                p50, p95 = np.percentile(each.spans_ms, (50, 95))
                self.stdout.write(
                    f"{each.filters:<28}{each.store:<10}{each.recall:>9.4f}{p50:>9.1f}{p95:>9.1f}"
                )

    def _write_figures(self, file: Path, searches: int) -> None:
        """Writes the stages of searches by one client, and the searches per second of many."""
        photos = read_photos(PHOTO_FOLDER)
        warm_up()
        measure_load(photos, 1, len(photos), SearchRequest())  # fills caches
        alone = measure_load(photos, 1, searches, SearchRequest())
        many = measure_load(photos, CLIENT_COUNTS[-1], searches, SearchRequest())
        stages = {name: values.tolist() for name, values in alone.stages_ms.items()}
        file.write_text(json.dumps({"stages_ms": stages, "per_second": many.per_second}))

    def _measure_calls(self, searches: int) -> None:
        photos = read_photos(PHOTO_FOLDER)
        warm_up()
        self.stdout.write("searches of one address through the API, median ms")
        for clients in (1, CLIENT_COUNTS[-1]):
            limited, free = measure_calls(photos, clients, searches).median_ms()
            self.stdout.write(
                f"{clients:>3} clients: {limited:.2f} with limits, {free:.2f} without,"
                f" {limited - free:+.2f}"
            )
        self.stdout.write("charges alone, ms: median and p95 of one address; of several")
        for clients in (1, CLIENT_COUNTS[-1]):
            figures = [
                f"{np.percentile(ms, percent):.2f}"
                for ms in measure_charges(clients, 20 * searches)
                for percent in (50, 95)
            ]
            self.stdout.write(f"{clients:>3} clients: {', '.join(figures)}")

    def _print_sharing(self, photos: list[bytes], searches: int) -> None:
        """Compares the largest number of clients with and without sharing cores between photos."""
        encoder: Any = live_index().query_encoder
        paces = []
        for encoder.share in (True, False):
            load = measure_load(photos, CLIENT_COUNTS[-1], searches, SearchRequest())
            paces.append(load.per_second)
        encoder.share = True
        shared, alone = paces
        self.stdout.write(
            f"\n{CLIENT_COUNTS[-1]} clients: {shared:.1f}/s sharing the cores,"
            f" {alone:.1f}/s without, {shared / alone:.2f} times"
        )

    def _print_load(self, name: str, load: Load) -> None:
        """Prints p50, p95 and p99 of each stage."""
        cells = []
        for stage in STAGES:
            if stage in load.stages_ms:
                percentiles = [load.percentile(stage, percent) for percent in (50, 95, 99)]
                cells.append("".join(f"{value:>8.1f}" for value in percentiles))
            else:
                cells.append(" " * 24)
        self.stdout.write(f"{name:12}{''.join(cells)}{load.per_second:>8.1f}/s")
