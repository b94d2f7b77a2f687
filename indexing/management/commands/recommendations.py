"""`manage.py recommendations`: trains, publishes, rolls back, and shows figures."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.models import FactorModel
from indexing.generations.publishing import PublishingError
from indexing.ledger.runs import name_starter
from indexing.models import IndexingRun
from indexing.monitoring.stage_bars import StageBars
from indexing.pipeline.recommendation_run import start_recommendations
from indexing.pipeline.worker import work_on
from indexing.recommendations.factor_publishing import publish_factors, roll_back_factors
from indexing.recommendations.model_status import list_models


class Command(BaseCommand):
    help = "Trains recommendations on the history of shoppers. Shows, publishes, rolls back."

    def add_arguments(self, parser: CommandParser) -> None:
        parts = parser.add_subparsers(dest="part", required=True)
        train = parts.add_parser("train", help="learn from the history, measure, publish")
        train.add_argument("--no-publish", action="store_true", help="do not publish the model")
        parts.add_parser("status", help="list the models, their figures and freshness as JSON")
        publish = parts.add_parser("publish", help="make a model live")
        publish.add_argument("id", type=int)
        parts.add_parser("rollback", help="go back to the model before")

    def handle(self, *args: Any, part: str, **options: Any) -> None:
        try:
            if part == "train":
                self._train(not options["no_publish"], options["verbosity"])
            elif part == "status":
                self.stdout.write(json.dumps(list_models(), indent=2))
            elif part == "publish":
                model = FactorModel.objects.filter(pk=options["id"]).first()
                if model is None:
                    raise CommandError(f"There is no factor model {options['id']}.")
                self.stdout.write(f"{publish_factors(model)}")
            else:
                self.stdout.write(f"{roll_back_factors()}")
        except PublishingError as error:
            raise CommandError(str(error)) from error

    def _train(self, publish: bool, verbosity: int) -> None:
        run = name_starter(start_recommendations(publish), "manage.py recommendations")
        with StageBars(verbosity) as bars:
            run = work_on(run, bars.update)
        if run.state != IndexingRun.State.SUCCEEDED:
            raise CommandError(f"{run}: {run.error}")
        model = FactorModel.objects.get(pk=run.result["model"])
        self.stdout.write(f"{model} {model.note}".strip())
        self.stdout.write(json.dumps(model.figures, indent=2))
