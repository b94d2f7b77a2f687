"""`manage.py train_encoder`: offline training of an encoder on the catalogue."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.console.audit_log import record
from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.importing.history.operators import command_operator
from catalog.quality.labelled_photos import PhotosError
from catalog.visual.errors import EncoderError
from indexing.ledger.runs import RunConflict, name_starter
from indexing.models import IndexingRun
from indexing.monitoring.stage_bars import StageBars
from indexing.pipeline.training_run import describe_plan, start_training
from indexing.pipeline.worker import work_on
from indexing.quality.training_result import describe_training

DEMO = settings.BASE_DIR / "catalog" / "demo"
PHOTOS = settings.BASE_DIR / "indexing" / "training" / "photos" / "photos.jsonl"
HELD_OUT = [DEMO / "photos.jsonl", DEMO / "strange" / "photos.jsonl"]
FOR_BOTH = {"steps": 500, "object_steps": 500, "products": 64, "size": 224, "rate": 4e-4}
FOR_FILES = {
    "output": settings.DATA_DIR / "trained" / "encoder",
    "work": settings.DATA_DIR / "training",
    "catalog": DEMO / "catalog.jsonl",
    "pairs": [PHOTOS],
    "held_out": [path for path in HELD_OUT if path.exists()],
    "unseen": [PHOTOS.with_name("unseen.jsonl")],
    "processes": 1,
    "seed": 0,
}


class Command(BaseCommand):
    help = (
        "Trains an encoder. With --from-catalog, it learns from the catalogue in the database, from"
        " the encoder in use on, and is taken into use if it is better. Otherwise it is trained on"
        " a JSON Lines catalogue: to match photos to products and images to words in English and"
        " Russian, and to find the objects in a photo; this needs requirements-train.txt. Run"
        " again, the command resumes an interrupted training."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from-catalog", action="store_true", help="learn from the catalogue in the database"
        )
        parser.add_argument(
            "--no-publish",
            action="store_true",
            help="with --from-catalog: do not take a better encoder into use",
        )
        parser.add_argument(
            "--from",
            dest="source",
            default="",
            metavar="ENCODER",
            help="encoder to start from (default: 'imagenet', where the starter encoder begins;"
            " with --from-catalog the encoder in use)",
        )
        add_path_arguments(parser)
        for name, text in (
            ("--processes", "processes on this machine, started by torchrun"),
            ("--steps", "steps of image training"),
            ("--object-steps", "steps of training of the object head; 0 trains none"),
            ("--products", "products per step"),
            ("--size", "size of the images, in pixels"),
            ("--seed", "seed of the batches"),
        ):
            parser.add_argument(name, type=int, metavar="N", help=text)
        parser.add_argument("--rate", type=float, help="learning rate of the trunk")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in options if options[name] is not None}
        if options["from_catalog"]:
            self._train_on_catalogue(given)
        else:
            self._train_on_files(**{**FOR_FILES, **FOR_BOTH, **given})

    def _train_on_catalogue(self, given: dict[str, Any]) -> None:
        """Works on a training in this process, and on the rebuild that follows."""
        if unused := given.keys() & FOR_FILES.keys():
            option = f"--{min(unused).replace('_', '-')}"
            raise CommandError(f"{option} cannot be used with --from-catalog.")
        parameters = {name: given[name] for name in FOR_BOTH if name in given}
        try:
            run = start_training(given["source"], not given["no_publish"], **parameters)
        except RunConflict as conflict:
            raise CommandError(str(conflict)) from conflict
        by = command_operator("train_encoder")
        record(by, "start training", f"run {run.pk}")
        run = name_starter(run, by)
        self.stdout.write(f"Training {run.pk}: {describe_plan(run)}")
        with StageBars(given["verbosity"]) as bars:
            run = work_on(run, bars.update)
        if run.state != IndexingRun.State.SUCCEEDED:
            raise CommandError(f"Training {run.pk} is {run.state}. {run.error}".strip())
        self.stdout.write(describe_training(run))
        if "rebuild" in run.result:
            options = {"encoder": run.result["encoder"], "verbosity": given["verbosity"]}
            call_command("index", "rebuild", **options, stdout=self.stdout)

    def _train_on_files(self, output: Path, work: Path, **options: Any) -> None:
        declare_missing_ops()
        try:
            from indexing.training.distributed import TrainingFailed
            from indexing.training.recipe import IMAGENET, Recipe, train_encoder
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
        source = options["source"] or IMAGENET
        recipe = Recipe(
            source,
            plan,
            options["processes"],
            options["object_steps"],
            tuple(str(path.resolve()) for path in options["unseen"]),
        )
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
    """Adds the options that do not go with --from-catalog."""
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the model; use it as ENCODER=local-dir:DIR",
    )
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="folder for checkpoints and curves.png"
    )
    parser.add_argument(
        "--catalog",
        type=Path,
        metavar="FILE",
        help="JSON Lines, as import_products reads them (default: the demo)",
    )
    parser.add_argument(
        "--pairs",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="JSON Lines of photos and the sku that each shows: labelled, clicked or bought",
    )
    parser.add_argument(
        "--held-out",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="photos to measure on, never to train on",
    )
    parser.add_argument(
        "--unseen",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="photos to measure on, whose products are left out of the training too",
    )


def _explain_missing(error: ModuleNotFoundError) -> str:
    return f"{error}. Install the packages for training: pip install -r requirements-train.txt"
