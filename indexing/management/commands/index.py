"""`manage.py index …`: shows and changes the state of the index."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.console.audit_log import record
from catalog.importing.history.operators import command_operator
from catalog.index.match import Calibration
from catalog.models import Adapter, Generation
from catalog.visual.errors import EncoderError
from indexing.adapters.fitting import AdapterError, describe_figures, failed_adapter_gates
from indexing.generations import publishing
from indexing.generations.adoption import adopt_encoder, fit_adapter_to_live
from indexing.generations.encoder_registry import list_encoders, register_encoder
from indexing.ledger import runs
from indexing.models import IndexingRun
from indexing.monitoring.freshness import index_status
from indexing.monitoring.source_figures import source_problems
from indexing.monitoring.stage_bars import StageBars
from indexing.pipeline.fetch_stage import start_fetch
from indexing.pipeline.fetching.claims import count_due
from indexing.pipeline.fetching.outcomes import request_failed
from indexing.pipeline.fetching.photo_figures import describe_photos, photo_figures
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.sources.pull_schedule import refresh_is_wanted
from indexing.pipeline.sources.source_actions import SourceError
from indexing.pipeline.sources.source_command import add_source_arguments, handle_sources
from indexing.pipeline.worker import work_on
from indexing.quality.generation_self_test import describe_self_test
from indexing.quality.match_calibration import describe_calibration
from indexing.quality.training_result import describe_training, last_training
from indexing.tasks import resume_queued_run
from indexing.vectors.verification import verify_generations

RUN_ACTIONS = {"pause": runs.pause_run, "resume": resume_queued_run, "cancel": runs.cancel_run}
READS = ("status", "encoders")  # what the audit log leaves out
NAMED = ("generation", "run", "encoder")
# The steps of `index sources`, as the console names these actions in the audit log
SOURCE_STEPS = {
    "add": "add",
    "pull": "pull",
    "remove": "delete",
    "undo": "undo import",
    "confirm": "confirm hiding",
    "discard": "discard import",
}
ENCODER_ACTIONS = ("encoders", "register", "adopt")
EXPECTED_ERRORS = (
    publishing.PublishingError,
    runs.RunConflict,
    EncoderError,
    AdapterError,
    SourceError,
)


class Command(BaseCommand):
    help = "Shows, refreshes, rebuilds, publishes and rolls back the search index."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        status = actions.add_parser("status", help="show the live generation and its freshness")
        status.add_argument(
            "--json", action="store_true", help="print it as GET /api/v1/index/ returns it"
        )
        actions.add_parser("refresh", help="embed and tag changed products in the live generation")
        fetch = actions.add_parser("fetch", help="fetch the photos that products name by addresses")
        fetch.add_argument(
            "--failed", action="store_true", help="try those that have failed now, too"
        )
        rebuild = actions.add_parser("rebuild", help="build, evaluate and publish a new generation")
        rebuild.add_argument(
            "--encoder",
            default="",
            help="encoder to build with (default: ENCODER, or what was trained from it)",
        )
        rebuild.add_argument(
            "--no-publish", action="store_true", help="do not publish the generation"
        )
        rebuild.add_argument(
            "--at-once",
            action="store_true",
            help="let the new encoder answer searches during the rebuild, through an adapter",
        )
        actions.add_parser("encoders", help="list the registered encoders")
        register = actions.add_parser("register", help="register an encoder and fit an adapter")
        register.add_argument("encoder")
        adopt = actions.add_parser("adopt", help="let an encoder answer searches, by an adapter")
        adopt.add_argument("encoder")
        publish = actions.add_parser("publish", help="make a built generation live")
        publish.add_argument("generation", type=int)
        drop = actions.add_parser("drop", help="drop the vectors of a generation that is not live")
        drop.add_argument("generation", type=int)
        actions.add_parser("rollback", help="undo the last switch of a generation or an adapter")
        actions.add_parser("verify", help="compare the vector store with the catalogue; mend it")
        add_source_arguments(actions.add_parser("sources", help="manage feeds of products"))
        for name in RUN_ACTIONS:
            control = actions.add_parser(name, help=f"{name} a run")
            control.add_argument("run", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if (change := name_change(options)) is not None:
            record(command_operator("index"), *change)
        try:
            if action == "status":
                self._show_status(options["json"])
            elif action == "refresh":
                self._work_on(self._started(start_refresh()), options)
            elif action == "fetch":
                self._fetch(options)
            elif action == "sources":
                self._sources(options)
            elif action == "rebuild":
                run = start_rebuild(
                    options["encoder"], not options["no_publish"], options["at_once"]
                )
                self._work_on(self._started(run), options)
            elif action in (*ENCODER_ACTIONS, "verify"):
                getattr(self, f"_{action}")(options)
            elif action == "publish":
                self._print_live(
                    publishing.publish_generation(self._find_generation(options["generation"]))
                )
            elif action == "drop":
                publishing.drop_generation(self._find_generation(options["generation"]))
                self.stdout.write(f"Generation {options['generation']} is dropped.")
            elif action == "rollback":
                self._print_live(publishing.roll_back())
            else:
                self._control_run(action, options["run"])
        except EXPECTED_ERRORS as error:
            raise CommandError(str(error)) from error

    def _started(self, run: IndexingRun) -> IndexingRun:
        return runs.name_starter(run, command_operator("index"))

    def _fetch(self, options: dict[str, Any]) -> None:
        """Fetches photos until none are due. A run ends after IMPORT_FETCH_RUN_S, so there may be
        several."""
        if options["failed"]:
            self.stdout.write(f"{request_failed()} failed photos are tried again.")
        while count_due():
            self._work_on(start_fetch(), options)
        self.stdout.write(f"Photos by address: {describe_photos(photo_figures())}")

    def _sources(self, options: dict[str, Any]) -> None:
        """Manages sources, and refreshes after imports that changed something."""

        def work(run: IndexingRun) -> None:
            self._work_on(run, options, quiet=True)

        for sentence in handle_sources(options, work):
            self.stdout.write(sentence)
        if options["step"] in ("add", "pull", "undo", "confirm") and refresh_is_wanted():
            self._work_on(start_refresh(), options)

    def _verify(self, options: dict[str, Any]) -> None:
        for verified in verify_generations():
            repair = verified.repair
            self.stdout.write(
                f"{settings.VECTOR_STORE}: generation {verified.generation.pk},"
                f" {verified.generation.state}: {repair.compared} photos compared;"
                f" {repair.missing} were missing, {repair.changed} changed, {repair.extra} extra;"
                f" {verified.behind} products were behind."
            )

    def _encoders(self, options: dict[str, Any]) -> None:
        for version in list_encoders():
            self.stdout.write(
                f"{version.status:<11}{version}: {version.dimensions} numbers,"
                f" {version.embeddings} embeddings, from {version.source}"
            )
            for measured_on, figures in sorted(version.quality.items()):
                self.stdout.write(f"{'':11}{measured_on}: {json.dumps(figures)}")

    def _register(self, options: dict[str, Any]) -> None:
        version = register_encoder(options["encoder"])
        self.stdout.write(f"{version} is {version.status}.")
        try:
            self._show_adapter(fit_adapter_to_live(version))
        except AdapterError as reason:
            self.stdout.write(f"No adapter: {reason}")

    def _adopt(self, options: dict[str, Any]) -> None:
        adapter = adopt_encoder(options["encoder"])
        self._show_adapter(adapter)
        self.stdout.write(
            f"{adapter.query_encoder} now encodes queries; the vectors are unchanged."
        )

    def _show_adapter(self, adapter: Adapter) -> None:
        """Prints the figures of an adapter, and the gates that it fails."""
        self.stdout.write(f"{adapter}, {adapter.kind}, fitted on {adapter.sample} photos:")
        for line in describe_figures(adapter.figures):
            self.stdout.write(f"  {line}")
        for reason in failed_adapter_gates(adapter.figures):
            self.stdout.write(f"  It may not be used: {reason}.")

    def _work_on(self, run: IndexingRun, options: dict[str, Any], quiet: bool = False) -> None:
        """Works on the run in this process, with a progress bar. Other workers may work on it
        too."""
        with StageBars(options["verbosity"]) as bars:
            run = work_on(run, bars.update)
        if run.state == IndexingRun.State.FAILED:
            raise CommandError(f"{run.kind} {run.pk} failed: {run.error}")
        if run.state != IndexingRun.State.SUCCEEDED:
            raise CommandError(f"{run.kind} {run.pk} is {run.state}.")
        generation = run.generation
        if not quiet:
            self.stdout.write(
                f"{run.kind} {run.pk} is done{f': {generation}' if generation else ''}."
            )
        if generation and generation.state == Generation.State.REJECTED:
            raise CommandError(f"Generation {generation.pk} was rejected: {generation.note}.")

    def _show_status(self, as_json: bool) -> None:
        status = index_status()
        if as_json:
            self.stdout.write(json.dumps(status, indent=2))
            return
        live, products, fresh = status["generation"], status["products"], status["freshness"]
        if live is None:
            self.stdout.write("No generation is live: run 'index rebuild'.")
        else:
            self.stdout.write(
                f"Live: generation {live['id']}, encoder {live['encoder']}"
                f"{self._query_encoder(live)}, {live['images']} images"
                f" of {live['products']} products, recall@20 {live['recall_at_20']:.3f}"
            )
            self.stdout.write(f"Self-test: {describe_self_test(live['self_test'])}")
            self.stdout.write(
                f"Match: {describe_calibration(Calibration.from_json(live['match']))}"
            )
        self.stdout.write(
            f"Products: {products['total']}, indexed {products['indexed']},"
            f" pending {products['pending']}, failed {products['failed']}"
        )
        photos = status["photos"]
        if photos["waiting"] or photos["fetched"] or photos["failed"] or photos["given_up"]:
            self.stdout.write(f"Photos by address: {describe_photos(photos)}")
        for problem in source_problems():
            self.stdout.write(problem)
        self.stdout.write(
            f"{'Fresh' if fresh['fresh'] else 'NOT FRESH'}: the oldest change waits"
            f" {fresh['oldest_pending_s']:.0f} s (target {fresh['target_s']} s); lag p50"
            f" {fresh['lag_p50_s'] or 0:.0f} s, p95 {fresh['lag_p95_s'] or 0:.0f} s"
        )
        for run in status["runs"]["running"]:
            self.stdout.write(
                f"Run {run['id']}: {run['kind']}, {run['state']}, {run['stage']}"
                f" {run['done']}/{run['total']}, {run['eta_s'] or '?'} s left"
            )
        if training := last_training():
            self.stdout.write(f"Training {training.pk}: {describe_training(training)}")
        self.stdout.write(f"Next refresh: {status['next_refresh_at']}")

    def _query_encoder(self, live: dict[str, Any]) -> str:
        other = live["query_encoder"] != live["encoder"]
        return f", queries encoded by {live['query_encoder']}" if other else ""

    def _control_run(self, action: str, run_id: int) -> None:
        run = IndexingRun.objects.filter(pk=run_id).first()
        if run is None or not RUN_ACTIONS[action](run):
            raise CommandError(f"There is no run {run_id} to {action}.")
        run.refresh_from_db()
        self.stdout.write(f"Run {run.pk} is {run.state}.")

    def _find_generation(self, pk: int) -> Generation:
        generation = Generation.objects.filter(pk=pk).first()
        if generation is None:
            raise CommandError(f"There is no generation {pk}.")
        return generation

    def _print_live(self, generation: Generation) -> None:
        self.stdout.write(f"Generation {generation.pk} is live.")


def name_change(options: dict[str, Any]) -> tuple[str, str, str] | None:
    """Returns the action, the target and the detail of a command for the audit log; None for one
    that changes nothing."""
    action = options["action"]
    if action == "sources":
        if options["step"] not in SOURCE_STEPS:
            return None
        name = options.get("name") or options.get("address")
        return SOURCE_STEPS[options["step"]], f"source {name}" if name else "all sources", ""
    named = [f"{name} {options[name]}" for name in NAMED if options.get(name)]
    detail = "publish: no" if options.get("no_publish") else ""
    return None if action in READS else (action, ", ".join(named), detail)
