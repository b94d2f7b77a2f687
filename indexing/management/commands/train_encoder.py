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
        "Trains an encoder on a catalogue: to match photos to products and images to words in"
        " English and Russian, and to find the objects in a photo. Run again, the command resumes"
        " an interrupted training. Needs requirements-train.txt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            default="imagenet",
            metavar="ENCODER",
            help="encoder to start from (default: 'imagenet', where the starter encoder begins)",
        )
        add_path_arguments(parser)
        parser.add_argument(
            "--processes",
            type=int,
            default=1,
            metavar="N",
            help="processes on this machine, started by torchrun",
        )
        parser.add_argument("--steps", type=int, default=500, help="steps of image training")
        parser.add_argument(
            "--object-steps",
            type=int,
            default=500,
            help="steps of training of the object head; 0 trains none",
        )
        parser.add_argument("--products", type=int, default=64, help="products per step")
        parser.add_argument("--size", type=int, default=224, help="size of the images, in pixels")
        parser.add_argument("--rate", type=float, default=4e-4, help="learning rate of the trunk")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, output: Path, work: Path, **options: Any) -> None:
        declare_missing_ops()
        try:
            from indexing.training.distributed import TrainingFailed
            from indexing.training.recipe import Recipe, train_encoder
            from indexing.training.trainer import Plan
        except ModuleNotFoundError as error:
            raise CommandError(_explain_missing(error)) from error
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
            raise CommandError(_explain_missing(error)) from error
        except (EncoderError, PhotosError, TrainingFailed, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"The encoder is in {output}. Curves: {work / 'curves.png'}.\n"
            f"To use it: manage.py index rebuild --encoder local-dir:{output}"
        )


def add_path_arguments(parser: CommandParser) -> None:
    parser.add_argument(
        "--output",
        type=Path,
        default=settings.DATA_DIR / "trained" / "encoder",
        metavar="DIR",
        help="folder for the model; use it as ENCODER=local-dir:DIR",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=settings.DATA_DIR / "training",
        metavar="DIR",
        help="folder for checkpoints and curves.png",
    )
    parser.add_argument(
        "--catalog",
        type=Path,
        default=DEMO / "catalog.jsonl",
        metavar="FILE",
        help="JSON Lines, as import_products reads them (default: the demo)",
    )
    parser.add_argument(
        "--pairs",
        type=Path,
        nargs="*",
        default=[PHOTOS],
        metavar="FILE",
        help="JSON Lines of photos and the sku that each shows: labelled, clicked or bought",
    )
    parser.add_argument(
        "--held-out",
        type=Path,
        nargs="*",
        default=[path for path in HELD_OUT if path.exists()],
        metavar="FILE",
        help="photos to measure on, never to train on",
    )


def _explain_missing(error: ModuleNotFoundError) -> str:
    return f"{error}. Install the packages for training: pip install -r requirements-train.txt"
