"""`manage.py train_encoder`: offline training of an encoder on the catalogue."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.labelled_photos import PhotosError
from catalog.visual.errors import EncoderError

DEMO = settings.BASE_DIR / "catalog" / "demo"
PHOTOS = settings.BASE_DIR / "indexing" / "training" / "photos" / "photos.jsonl"
HELD_OUT = [DEMO / "photos.jsonl", DEMO / "strange" / "photos.jsonl"]


class Command(BaseCommand):
    help = (
        "Trains an encoder on a catalogue: photo to product, image to words in English and Russian,"
        " and where in a photo the things are. A run that was cut off goes on where it was when the"
        " command is given again. Needs requirements-train.txt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            default="imagenet",
            metavar="ENCODER",
            help="go on from this encoder; 'imagenet' (default): the starter's own beginning",
        )
        parser.add_argument(
            "--output",
            type=Path,
            default=settings.DATA_DIR / "trained" / "encoder",
            metavar="DIR",
            help="where the model goes; use it as ENCODER=local-dir:DIR",
        )
        parser.add_argument(
            "--work",
            type=Path,
            default=settings.DATA_DIR / "training",
            metavar="DIR",
            help="checkpoints, and curves.png",
        )
        parser.add_argument(
            "--catalog",
            type=Path,
            default=DEMO / "catalog.jsonl",
            metavar="FILE",
            help="JSON Lines, as import_products reads them (default: the demo's)",
        )
        parser.add_argument(
            "--pairs",
            type=Path,
            nargs="*",
            default=[PHOTOS],
            metavar="FILE",
            help="photos and the sku each led to: labelled, clicked or bought; JSON Lines",
        )
        parser.add_argument(
            "--held-out",
            type=Path,
            nargs="*",
            default=[path for path in HELD_OUT if path.exists()],
            metavar="FILE",
            help="photos that are only measured on",
        )
        parser.add_argument(
            "--processes", type=int, default=1, metavar="N", help="by torchrun, on this machine"
        )
        parser.add_argument("--steps", type=int, default=500, help="of images")
        parser.add_argument("--object-steps", type=int, default=500, help="0: no object head")
        parser.add_argument("--products", type=int, default=64, help="of one step")
        parser.add_argument("--size", type=int, default=224, help="of the pictures, in pixels")
        parser.add_argument("--rate", type=float, default=4e-4, help="of learning, of the trunk")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, output: Path, work: Path, **options: Any) -> None:
        declare_missing_ops()
        try:
            from indexing.training.distributed import TrainingFailed
            from indexing.training.recipe import Recipe, train_encoder
            from indexing.training.trainer import Plan
        except ModuleNotFoundError as error:
            raise CommandError(_missing(error)) from error
        plan = Plan(
            start="",
            catalog=str(options["catalog"].resolve()),
            pairs=tuple(str(path.resolve()) for path in options["pairs"]),
            held_out=tuple(str(path.resolve()) for path in options["held_out"]),
            **{name: options[name] for name in ("steps", "products", "size", "rate", "seed")},
        )
        recipe = Recipe(options["source"], plan, options["processes"], options["object_steps"])
        try:
            train_encoder(recipe, work.resolve(), output.resolve())
        except ModuleNotFoundError as error:
            raise CommandError(_missing(error)) from error
        except (EncoderError, PhotosError, TrainingFailed, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"The encoder is in {output}. Curves: {work / 'curves.png'}.\n"
            f"To use it: manage.py index rebuild --encoder local-dir:{output}"
        )


def _missing(error: ModuleNotFoundError) -> str:
    return f"{error}. Install what training needs: pip install -r requirements-train.txt"
