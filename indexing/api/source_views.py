"""Calls for sources, the feeds that are pulled regularly."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView, find_row, name_caller
from catalog.api.problems import Conflict, problem_responses
from catalog.console.audit_log import record
from catalog.console.stored_sentences import translate_sentence
from catalog.models import Scope, Source
from indexing.api.serializers import SentenceSerializer, SourceListSerializer, SourceSerializer
from indexing.models import IndexingRun
from indexing.pipeline.sources.source_actions import SourceError, add_source, request_pull
from indexing.tasks import start_queued_run


class SourcesView(ApiView):
    scopes = (Scope.CATALOG,)

    @extend_schema(
        operation_id="sources_list",
        responses={200: SourceListSerializer, **problem_responses()},
    )
    def get(self, request: Request) -> Response:
        """The sources, with the result of their last pull."""
        return Response(SourceListSerializer({"results": Source.objects.all()}).data)

    @extend_schema(
        operation_id="sources_create",
        request=SourceSerializer,
        responses={
            201: SourceSerializer,
            **problem_responses(body=True, conflict="There is a source 'prices' already."),
        },
    )
    def post(self, request: Request) -> Response:
        """Adds a source, at a web address or a file below IMPORT_ROOT. It is pulled within a
        minute, and then by its schedule."""
        serializer = SourceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            source = add_source(**serializer.validated_data)
        except SourceError as error:
            raise Conflict(str(error)) from error
        record(name_caller(request), "add", f"source {source.pk}", source.name)
        return Response(SourceSerializer(source).data, status=201)


class SourceView(ApiView):
    scopes = (Scope.CATALOG,)

    @extend_schema(
        operation_id="sources_retrieve",
        responses={200: SourceSerializer, **problem_responses("not_found")},
    )
    def get(self, request: Request, pk: int) -> Response:
        """A source, with the result of its last pull."""
        return Response(SourceSerializer(find_row(Source, pk, "source")).data)

    @extend_schema(
        operation_id="sources_delete", responses={204: None, **problem_responses("not_found")}
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a source. Its products stay."""
        source = find_row(Source, pk, "source")
        source.delete()
        record(name_caller(request), "delete", f"source {pk}", source.name)
        return Response(status=204)


class SourcePullView(ApiView):
    scopes = (Scope.CATALOG,)

    @extend_schema(
        operation_id="sources_pull",
        request=None,
        responses={
            202: SentenceSerializer,
            **problem_responses("not_found", body=True, conflict="It is being pulled already."),
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Pulls a source now."""
        source, by = find_row(Source, pk, "source"), name_caller(request)
        try:
            said = request_pull(source, by)
        except SourceError as error:
            raise Conflict(str(error)) from error
        start_queued_run(IndexingRun.Kind.IMPORT, by)
        record(by, "pull", f"source {pk}", source.name)
        return Response(SentenceSerializer({"detail": translate_sentence(said)}).data, status=202)
