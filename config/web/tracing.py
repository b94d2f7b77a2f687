"""OpenTelemetry: spans of requests, of their database statements and of the stages of searches,
sent by OTLP over HTTP. Nothing of it is imported unless the setting names a collector."""

import os
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.web.request_ids import HEADER

NOT_TRACED = "livez,readyz,metrics,static/,media/"
SERVICE = "vitrina"
# What shoppers search for and their addresses stay here.
WITHOUT_QUERY = ("http.url", "http.target", "url.full", "url.query")
WITHOUT_ADDRESS = ("net.peer.ip", "net.sock.peer.addr", "client.address", "network.peer.address")


def start_tracing() -> None:
    """Starts to trace this process if OTEL_EXPORTER_OTLP_ENDPOINT is set. Call this before the
    application is made, in the process that answers requests. The other variables OTEL_* work as
    the SDK documents them."""
    if not settings.OTLP_ENDPOINT:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from search.serving import deadline

    name = os.environ.get("OTEL_SERVICE_NAME", "").strip() or SERVICE
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    DjangoInstrumentor().instrument(
        tracer_provider=provider, response_hook=describe_request, excluded_urls=NOT_TRACED
    )
    PsycopgInstrumentor().instrument(tracer_provider=provider)
    deadline.trace_stage = provider.get_tracer("vitrina").start_as_current_span


def describe_request(span: Any, request: HttpRequest, response: HttpResponse) -> None:
    """Gives the span of a request the id of the request, and takes from it what tells who searches
    for what."""
    if not span.is_recording():
        return
    span.set_attribute("vitrina.request_id", response.get(HEADER, ""))
    for name in WITHOUT_QUERY:
        if name in span.attributes:
            span.set_attribute(name, "" if name == "url.query" else request.path)
    for name in WITHOUT_ADDRESS:
        if name in span.attributes:
            span.set_attribute(name, "")
