"""`manage.py evaluate PHOTOS`: measures recall and latency on labelled photos."""

import json
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.imaging.image_decoding import ImageError
from catalog.importing.files import ImportFailed
from catalog.index.live_index import IndexNotReady
from catalog.models import ProductImage, Tag
from catalog.progress import progress_bar
from catalog.quality.labelled_photos import LabelledPhoto, PhotosError, read_photos
from catalog.visual.errors import EncoderError
from search.quality.evaluation import SkusByKind, evaluate_catalogue, evaluate_photos
from search.quality.figures import COMPARED_RECALLS, MATCHES, Outcome, summarise
from search.quality.floor import Floor, build_floor
from search.quality.other_goods import SAMPLE, evaluate_other_goods
from search.quality.photo_folders import PhotoFolder, read_photo_folder, scratch_shop
from search.quality.word_evaluation import evaluate_words

ERRORS = (PhotosError, ImportFailed, IndexNotReady, EncoderError, ImageError, OSError)


class Command(BaseCommand):
    help = (
        "Searches by photos whose product is known. Prints recall, MRR, latency and objects found,"
        " and how much better that is than exact search by plain ImageNet features."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "photos",
            type=Path,
            help="JSON Lines: file, sku, scene, box; or a folder with products.jsonl and"
            " photos.jsonl, which is searched in a separate database",
        )
        parser.add_argument(
            "--split",
            default="",
            help="only lines of this split (default for a folder: dev, if it has such lines)",
        )
        parser.add_argument(
            "--catalogue", action="store_true", help="also search by catalogue images and by titles"
        )
        parser.add_argument(
            "--words",
            action="store_true",
            help="also search by titles, skus, typos and nonsense, and by photos with a word",
        )
        parser.add_argument(
            "--others",
            type=Path,
            nargs="+",
            default=[],
            help=f"photos, or lists of them, of goods that the catalogue lacks; {SAMPLE} are drawn",
        )
        parser.add_argument(
            "--no-floor", action="store_true", help="do not compare with plain ImageNet features"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        photos, split = options["photos"], options["split"]
        try:
            if photos.is_dir():
                folder = read_photo_folder(photos, split)
                with scratch_shop():
                    self._fill_shop(folder, options["verbosity"])
                    outcomes = self._evaluate(folder.photos, folder.skus_by_kind, options)
            else:
                outcomes = self._evaluate(read_photos(photos, split), {}, options)
        except ERRORS as error:
            raise CommandError(str(error)) from error
        figures = summarise(outcomes)
        if options["json"]:
            self.stdout.write(json.dumps(figures, indent=2))
        else:
            self._print(figures)

    def _fill_shop(self, folder: PhotoFolder, verbosity: int) -> None:
        """Imports the catalogue of a folder, accepts all proposed tags, and indexes it with the
        configured encoder."""
        with progress_bar(verbosity, desc="import", unit=" products") as bar:
            report = folder.import_products(bar.update)
        Tag.objects.proposed().update(state=Tag.State.ACCEPTED)
        for line, reason in report.errors:
            self.stderr.write(f"product {line}: {reason}")
        call_command("index", "rebuild", verbosity=verbosity, stdout=self.stderr)

    def _evaluate(
        self, photos: list[LabelledPhoto], skus_by_kind: SkusByKind, options: dict[str, Any]
    ) -> list[Outcome]:
        verbosity = options["verbosity"]
        floor = None if options["no_floor"] else self._build_floor(verbosity)
        with progress_bar(verbosity, total=len(photos), desc="search", unit=" photos") as bar:
            outcomes = evaluate_photos(photos, bar.update, floor, skus_by_kind)
        if options["catalogue"]:
            outcomes += evaluate_catalogue(floor)
        if options["words"]:
            outcomes += evaluate_words(photos)
        if options["others"]:
            outcomes += evaluate_other_goods(options["others"])
        return outcomes

    def _build_floor(self, verbosity: int) -> Floor | None:
        total = ProductImage.objects.filter(product__is_visible=True).count()
        try:
            with progress_bar(verbosity, total=total, desc="floor", unit=" photos") as bar:
                return build_floor(bar.update)
        except ModuleNotFoundError as error:
            self.stderr.write(
                f"The floor is not measured: {error}. Install it with"
                " 'pip install --no-deps -r requirements-train.txt'."
            )
            return None

    def _print(self, figures: dict[str, dict[str, Any]]) -> None:
        self.stdout.write(
            f"{'query':34}{'n':>6}{'@1':>8}{'@5':>8}{'@10':>8}{'MRR':>8}{'mean ms':>9}{'p95 ms':>8}"
            f"{'objects':>9}{'tags@3':>8}{'exact':>8}{'right':>8}"
        )
        for kind, row in figures.items():
            self.stdout.write(
                f"{kind:34}{row['queries']:>6}{_ranks(row)}{row['latency_mean_ms']:>9.1f}"
                f"{row['latency_p95_ms']:>8.1f}{_share(row['objects_found']):>9}"
                f"{_share(row['tagged@3']):>8}{_share(row['exact']):>8}"
                f"{_share(row['exact_right']):>8}"
            )
            if floor := row["floor"]:
                self.stdout.write(f"{'  floor':40}{_ranks(floor)}")
                differences = [_difference(row, k) for k in COMPARED_RECALLS]
                self.stdout.write(f"  search minus floor: {', '.join(differences)}")
            if row["tags_given"]:
                self.stdout.write(
                    f"  {row['tags_given']} tags given, {_share(row['tags_right'])} of them right;"
                    f" {_share(row['tags_found'])} of the right tags given"
                )
            if row["right_first"]:
                matches = [f"{_share(row[f'right_{match}'])} {match}" for match in MATCHES]
                self.stdout.write(
                    f"  {row['right_first']} right first results, called {', '.join(matches)}"
                )


def _ranks(row: dict[str, Any]) -> str:
    names = ("recall@1", "recall@5", "recall@10", "mrr")
    return "".join(f"{row[name]:>8.3f}" for name in names)


def _difference(row: dict[str, Any], k: int) -> str:
    found = row["difference"][f"recall@{k}"]
    return f"@{k} {found['value']:+.3f} (95 %: {found['low']:+.3f} to {found['high']:+.3f})"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
