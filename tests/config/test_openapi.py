"""The OpenAPI schema: `docs/openapi.json` is that of the code, and its examples are true."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from catalog.api.problems import CODES

FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of the code."""
    out = StringIO()
    call_command(
        "spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=out
    )
    made: dict[str, Any] = json.loads(out.getvalue())
    return made


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_file_in_the_documentation_is_the_schema_of_the_code(schema: dict[str, Any]) -> None:
    stored = json.loads(FILE.read_text())

    command = "manage.py spectacular --format openapi-json --file docs/openapi.json"
    assert stored == schema, f"Write it again: {command}"
    assert stored["openapi"].startswith("3.1")


def test_examples_match_the_schema(schema: dict[str, Any]) -> None:
    checked = 0
    for name, operation in operations(schema):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for content in body.get("content", {}).values():
                validator = Draft202012Validator({**schema, **content["schema"]})
                for example in content.get("examples", {}).values():
                    problems = [error.message for error in validator.iter_errors(example["value"])]
                    assert problems == [], name
                    checked += 1
    assert checked > 100


def test_every_call_says_its_errors_and_whether_it_needs_a_key(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        assert {"400", "401", "403", "429", "503"} <= operation["responses"].keys(), name
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                assert response["content"].keys() == {"application/problem+json"}, name
                assert response["content"]["application/problem+json"]["examples"], name
        is_read = operation["operationId"].startswith(
            (
                "search",
                "products_list",
                "products_retrieve",
                "products_similar",
                "events",
                "recommendations",
            )
        )
        is_open = is_read or operation["operationId"] == "index_status"
        assert ("security" not in operation) == is_open, name
    assert set(schema["components"]["schemas"]["CodeEnum"]["enum"]) == set(CODES)


def test_photos_are_uploads(schema: dict[str, Any]) -> None:
    photo = schema["paths"]["/api/v1/search/photo/"]["post"]["requestBody"]["content"]
    name = photo["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
    image = schema["components"]["schemas"][name]["properties"]["image"]

    assert image["items"] == {"type": "string", "format": "binary"}
    assert image["maxItems"] == 5
