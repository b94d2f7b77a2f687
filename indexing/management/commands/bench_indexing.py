"""`manage.py bench_indexing`: benchmarks the offline side on a scratch database."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from indexing.quality.indexing_benchmark import measure_pipeline, measure_vectors
from indexing.quality.looks_benchmark import MAX_SIZES, measure_looks

PHOTOS = settings.BASE_DIR / "catalog" / "demo" / "images"


class Command(BaseCommand):
    help = "Measures the speed of a rebuild and of the encoder alone, or of a build of N vectors."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--images", type=int, help="rebuild the index of N demo photos from nothing"
        )
        parser.add_argument(
            "--vectors", type=int, help="build the index of N products with synthetic vectors"
        )

        parser.add_argument(
            "--looks",
            type=int,
            help="index N looks in 1 to 5 sizes with one photo, with variants and without",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["images"] or options["vectors"] or options["looks"]):
            raise CommandError("Give --images N, --vectors N or --looks N.")
        if options["images"]:
            self._measure_images(options["images"])
        if options["vectors"]:
            self._measure_vectors(options["vectors"])
        if options["looks"]:
            self._measure_looks(options["looks"])

    def _measure_images(self, count: int) -> None:
        figures = measure_pipeline(sorted(PHOTOS.glob("*/*.webp")), count)
        database = figures.database_ms
        self.stdout.write(
            f"{figures.images} images, encoder {settings.ENCODER}\n"
            f"whole pipeline    {figures.pipeline:8.1f} images/s\n"
            f"forward, batches  {figures.forward_batches:8.1f} images/s"
            f"   ratio {figures.pipeline / figures.forward_batches:.2f}\n"
            f"forward, ahead    {figures.forward:8.1f} images/s"
            f"   ratio {figures.pipeline / figures.forward:.2f}\n"
            f"CPU an image      {figures.cpu_ms:8.2f} ms"
            + (f", and {database:.2f} ms in PostgreSQL\n" if database is not None else "\n")
            + f"peak memory       {figures.peak_mb:8.0f} MB"
        )
        self._print_stages(figures.stages_s)

    def _measure_vectors(self, count: int) -> None:
        figures = measure_vectors(count)
        recall, peak = figures.pop("recall_at_20"), figures.pop("peak_mb")
        self.stdout.write(f"{count} products with synthetic vectors")
        self._print_stages(figures)
        self.stdout.write(f"recall@20 {recall:.4f}, peak memory {peak:.0f} MB")

    def _measure_looks(self, count: int) -> None:
        for has_variants in (True, False):
            figures = measure_looks(count, has_variants=has_variants)
            kind = "with variants" if has_variants else "without variants"
            self.stdout.write(
                f"{count} looks in 1 to {MAX_SIZES} sizes, {kind}: {figures.products} products\n"
                f"photos encoded    {figures.encoded:8}\n"
                f"embeddings        {figures.embeddings:8}\n"
                f"rows of the graph {figures.rows:8}\n"
                f"size of the graph {figures.megabytes:8.1f} MB\n"
                f"recall@20         {figures.recall_at_20:8.4f}\n"
                f"looks among 20    {figures.looks_at_20:8.1f}\n"
                f"search, median    {figures.median_ms:8.1f} ms"
            )

    def _print_stages(self, seconds: dict[str, float]) -> None:
        for stage, span in seconds.items():
            self.stdout.write(f"  {stage:16}{span:9.2f} s")
