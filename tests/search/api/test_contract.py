"""The API matches its own schema, for generated requests, valid and invalid, and for a successful
request to every call of the shop. `test_generated_client.py` makes the other calls."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from catalog.api.access_keys import create_key
from catalog.models import Product
from tests.search.conftest import DemoPhoto

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
CASES, LONG_CASES = 500, 5_000
PLAIN = {"Accept-Encoding": "identity"}  # schemathesis does not decompress what WSGI answers
SCOPES = ["search", "events", "catalog", "index"]


def bounded(examples: int) -> Any:
    """Returns hypothesis's settings for so many cases of a call."""
    return hypothesis_settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture
def api(photos: dict[str, DemoPhoto]) -> Iterator[Any]:
    """The schema of the API. Generated photos are a real photo or not a photo at all. Requests use
    the database connection of the test and leave it open, as Django's test client does."""
    from config.wsgi import application

    files = st.sampled_from([photos["scopia-living-lamp-2"].data, b"", b"GIF89a", bytes(100)])
    schemathesis.openapi.format("binary", files)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/", application)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations(api: Any) -> dict[str, Any]:
    """Returns the operations of the schema by method and path."""
    found = [result.ok() for result in api.get_all_operations()]
    return {f"{call.method.upper()} {call.path.removeprefix('/api/v1/')}": call for call in found}


def takes_something(call: Any) -> bool:
    """Returns whether a call has parameters or a body, which can be invalid. The header
    If-None-Match cannot."""
    named = {parameter.name for parameter in call.iter_parameters()}
    return bool(call.body or named - {"If-None-Match"})


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_to_a_generated_request_matches_the_schema(
    api: Any, mode: GenerationMode, long_run: bool, settings: Any
) -> None:
    """The requests have a key for everything, so that they pass beyond the check of the key."""
    settings.CALLS_PER_KEY = 0
    settings.EVENTS_PER_ADDRESS = settings.EVENTS_PER_SESSION = 10_000_000
    _, key = create_key("everything", SCOPES, "test")
    headers = {**PLAIN, "Authorization": f"Bearer {key}"}
    calls = operations(api)
    assert len(calls) >= 24
    if mode is GenerationMode.NEGATIVE:
        calls = {name: call for name, call in calls.items() if takes_something(call)}
    examples = (LONG_CASES if long_run else CASES) // (2 * len(calls)) + 1

    for operation in calls.values():

        @bounded(examples)
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, headers=headers)

        send()


def test_every_call_succeeds_as_the_schema_describes(
    api: Any, photos: dict[str, DemoPhoto]
) -> None:
    product = Product.objects.get(sku="blends-armchair")
    scene = photos["blends-bed1-1"].data
    session = "5f0c9e51a2b34d185f0c9e51a2b34d18"
    events = [{"type": "click", "product": product.pk, "session": session, "query": "0" * 32}]
    good: dict[str, list[dict[str, Any]]] = {
        "POST search/photo/": [
            {"body": {"image": [scene]}},
            {"body": {"image": [scene, scene], "text": "red", "less_text": "", "explain": True}},
            {"body": {"image": [scene], "box": "0.1,0.3,0.4,0.3", "less_product": [product.pk]}},
        ],
        "GET search/text/": [
            {"query": {"q": "стул", "limit": 3}},
            {"query": {"q": "lamp", "category": ["lights"], "price_max": 20.5, "sort": "-price"}},
            {"query": {"q": "lamp", "brand": ["nobody"]}},
        ],
        "GET search/suggestions/": [{"query": {"q": "сту"}}, {"query": {"q": "l"}}],
        "GET products/": [{"query": {"tag": ["chair"], "in_stock": True}}, {}],
        "GET products/{id}/": [{"path_parameters": {"id": product.pk}}],
        "GET products/{id}/similar/": [{"path_parameters": {"id": product.pk}}],
        "POST events/": [{"body": {"events": events}}],
        "GET recommendations/": [
            {"query": {"session": session, "limit": 3}},
            {"query": {"session": session, "category": ["lights"], "price_max": 20.5}},
            {},
        ],
        "DELETE events/": [{"query": {"session": session}}],
        "GET index/": [{}],
    }

    called = operations(api)
    assert good.keys() <= called.keys()
    for name, operation in called.items():
        for request in good.get(name, []):
            media = operation.body[0].media_type if "body" in request else None
            case = operation.Case(**request, **({"media_type": media} if media else {}))
            answer = case.call_and_validate(checks=CHECKS, headers=PLAIN)
            assert answer.status_code in (200, 202), (name, answer.text)
