"""Calls that control the index: runs, publishing and rolling back."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView, find_row, name_caller
from catalog.api.problems import Conflict, problem_responses
from catalog.console.audit_log import record
from catalog.models import Generation, Scope
from indexing.api.serializers import (
    BuiltGenerationSerializer,
    GenerationListSerializer,
    NewRunSerializer,
    RunListSerializer,
    RunSerializer,
)
from indexing.generations import publishing
from indexing.ledger import runs
from indexing.models import IndexingRun
from indexing.monitoring.freshness import run_progress
from indexing.tasks import resume_queued_run, start_queued_run

LISTED = 50
STEPS = {"pause": runs.pause_run, "resume": resume_queued_run, "cancel": runs.cancel_run}


class RunsView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="index_runs_list",
        responses={200: RunListSerializer, **problem_responses()},
    )
    def get(self, request: Request) -> Response:
        """The latest runs."""
        latest = IndexingRun.objects.all()[:LISTED]
        return Response(RunListSerializer({"results": [run_json(run) for run in latest]}).data)

    @extend_schema(
        operation_id="index_runs_create",
        request=NewRunSerializer,
        responses={
            202: RunSerializer,
            **problem_responses(body=True, conflict="Rebuild 7 with another encoder is running."),
        },
    )
    def post(self, request: Request) -> Response:
        """Starts a refresh or a rebuild, or joins the one that is under way. The worker does the
        work."""
        serializer = NewRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given: dict[str, Any] = dict(serializer.validated_data)
        kind = given.pop("kind")
        options = given if kind == IndexingRun.Kind.REBUILD else {}
        try:
            run = start_queued_run(kind, name_caller(request), **options)
        except runs.RunConflict as error:
            raise Conflict(str(error)) from error
        record(name_caller(request), f"start {kind}", f"run {run.pk}")
        return Response(RunSerializer(run_json(run)).data, status=202)


class RunView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="index_runs_retrieve",
        responses={200: RunSerializer, **problem_responses("not_found")},
    )
    def get(self, request: Request, pk: int) -> Response:
        """A run and its progress. Ask again every few seconds to follow it."""
        return Response(RunSerializer(run_json(find_row(IndexingRun, pk, "run"))).data)


class RunStepView(ApiView):
    """The base class of the three steps of a run."""

    scopes = (Scope.INDEX,)
    step = ""

    def take_step(self, request: Request, pk: int) -> Response:
        run = find_row(IndexingRun, pk, "run")
        if not STEPS[self.step](run):
            raise Conflict(f"Run {pk} is {run.state}, so it cannot {self.step}.")
        record(name_caller(request), self.step, f"run {pk}")
        return Response(RunSerializer(run_json(find_row(IndexingRun, pk, "run"))).data)


STEP_ANSWER = {
    200: RunSerializer,
    **problem_responses("not_found", body=True, conflict="Run 7 is succeeded."),
}


class RunPauseView(RunStepView):
    step = "pause"

    @extend_schema(operation_id="index_runs_pause", request=None, responses=STEP_ANSWER)
    def post(self, request: Request, pk: int) -> Response:
        """Pauses a run. What is done stays done."""
        return self.take_step(request, pk)


class RunResumeView(RunStepView):
    step = "resume"

    @extend_schema(operation_id="index_runs_resume", request=None, responses=STEP_ANSWER)
    def post(self, request: Request, pk: int) -> Response:
        """Lets a paused run go on."""
        return self.take_step(request, pk)


class RunCancelView(RunStepView):
    step = "cancel"

    @extend_schema(operation_id="index_runs_cancel", request=None, responses=STEP_ANSWER)
    def post(self, request: Request, pk: int) -> Response:
        """Cancels a run. A cancelled rebuild publishes nothing."""
        return self.take_step(request, pk)


class GenerationsView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="index_generations_list",
        responses={200: GenerationListSerializer, **problem_responses()},
    )
    def get(self, request: Request) -> Response:
        """The latest generations."""
        latest = Generation.objects.select_related("encoder").order_by("-pk")[:LISTED]
        shape = {"results": [generation_json(generation) for generation in latest]}
        return Response(GenerationListSerializer(shape).data)


class GenerationPublishView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="index_generations_publish",
        request=None,
        responses={
            200: BuiltGenerationSerializer,
            **problem_responses("not_found", body=True, conflict="Generation 7 is not built."),
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Makes a built generation live. Searches use it at once."""
        generation = find_row(Generation, pk, "generation")
        try:
            live = publishing.publish_generation(generation)
        except publishing.PublishingError as error:
            raise Conflict(str(error)) from error
        record(name_caller(request), "publish", f"generation {pk}")
        return Response(BuiltGenerationSerializer(generation_json(live)).data)


class RollBackView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="index_roll_back",
        request=None,
        responses={
            200: BuiltGenerationSerializer,
            **problem_responses(body=True, conflict="There is no generation to go back to."),
        },
    )
    def post(self, request: Request) -> Response:
        """Undoes the last switch of a generation or an adapter. Answers with the live
        generation."""
        try:
            live = publishing.roll_back()
        except publishing.PublishingError as error:
            raise Conflict(str(error)) from error
        record(name_caller(request), "roll back", f"generation {live.pk}")
        return Response(BuiltGenerationSerializer(generation_json(live)).data)


def run_json(run: IndexingRun) -> dict[str, Any]:
    """Returns the fields of RunSerializer."""
    return {
        **run_progress(run),
        "encoder": run.encoder,
        "started_by": run.started_by,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "generation": run.generation_id,
        "error": run.error or None,
    }


def generation_json(generation: Generation) -> dict[str, Any]:
    """Returns the fields of BuiltGenerationSerializer."""
    return {
        "id": generation.pk,
        "state": generation.state,
        "encoder": generation.encoder.name,
        "published_at": generation.published_at,
        "images": generation.images,
        "products": generation.products,
        "note": generation.note,
    }
