"""`manage.py evaluate PHOTOS.jsonl`: measures recall and latency on labelled photos."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.imaging.image_decoding import ImageError
from catalog.index.live_index import IndexNotReady
from catalog.labelled_photos import PhotosError, read_photos
from catalog.progress import progress_bar
from catalog.visual.errors import EncoderError
from search.quality.evaluation import evaluate_catalogue, evaluate_photos, summarise


class Command(BaseCommand):
    help = (
        "Searches by photos whose product is known. Prints recall, MRR, latency and objects found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("photos", type=Path, help="JSON Lines: file, sku, scene, box")
        parser.add_argument("--split", default="", help="only lines of this split, such as dev")
        parser.add_argument(
            "--catalogue", action="store_true", help="also search by catalogue images and by titles"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            photos = read_photos(options["photos"], options["split"])
            with progress_bar(options["verbosity"], total=len(photos), unit=" photos") as bar:
                outcomes = evaluate_photos(photos, bar.update)
            if options["catalogue"]:
                outcomes += evaluate_catalogue()
        except (PhotosError, IndexNotReady, EncoderError, ImageError, OSError) as error:
            raise CommandError(str(error)) from error
        figures = summarise(outcomes)
        if options["json"]:
            self.stdout.write(json.dumps(figures, indent=2))
            return
        self.stdout.write(
            f"{'query':30}{'n':>6}{'@1':>8}{'@5':>8}{'@10':>8}{'MRR':>8}{'mean ms':>9}{'p95 ms':>8}"
            f"{'objects':>9}{'tags@3':>8}{'exact':>8}{'right':>8}"
        )
        for kind, row in figures.items():
            self.stdout.write(
                f"{kind:30}{row['queries']:>6}{row['recall@1']:>8.3f}{row['recall@5']:>8.3f}"
                f"{row['recall@10']:>8.3f}{row['mrr']:>8.3f}{row['latency_mean_ms']:>9.1f}"
                f"{row['latency_p95_ms']:>8.1f}{_share(row['objects_found']):>9}"
                f"{_share(row['tagged@3']):>8}{_share(row['exact']):>8}"
                f"{_share(row['exact_right']):>8}"
            )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
