"""`manage.py make_starter_encoder`: makes the encoder that ships with the project."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = (
        "Makes the starter encoder from ImageNet weights, a sentence model and a catalogue. "
        "Needs the packages of requirements-train.txt; takes about ten minutes on two cores."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        root = Path(settings.BASE_DIR)
        parser.add_argument(
            "--output", type=Path, default=root / "catalog/encoders/starter", metavar="DIR"
        )
        parser.add_argument(
            "--catalog",
            type=Path,
            default=root / "catalog/demo/catalog.jsonl",
            metavar="PATH",
            help="JSON Lines with images beside it (default: the demo catalogue); the tags of a "
            "vocabulary.jsonl in its folder are learnt too",
        )
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, output: Path, catalog: Path, seed: int, **options: Any) -> None:
        from catalog.visual.torchvision_ops import declare_missing_ops

        declare_missing_ops()
        try:
            from indexing.training.starter.catalogue import read_tags
            from indexing.training.starter.make import make_starter_encoder

            tags = read_tags(catalog.with_name("vocabulary.jsonl"))
            make_starter_encoder(output, catalog, tags, seed)
        except (ModuleNotFoundError, FileNotFoundError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The starter encoder is in {output}")
