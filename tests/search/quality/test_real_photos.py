"""The shipped starter encoder on samples of real photographs, against plain ImageNet features."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.processes import REPOSITORY, url_of_test_database

pytestmark = [pytest.mark.long, pytest.mark.django_db]

FOLDERS = REPOSITORY / "tests" / "real_photos"
ROWS = {"groceries": "one object, whole photo", "clothes": "same kind, whole photo"}
THREE_PHOTOS = 0.0151  # of 200; processors compute in 8 bits differently

# recall@1, recall@5 and recall@10 of whole searches with the starter encoder, and of the floor
SEARCH = {"groceries": (0.72, 0.965, 0.98), "clothes": (0.755, 0.92, 0.97)}
FLOOR = {"groceries": (0.31, 0.62, 0.765), "clothes": (0.685, 0.91, 0.96)}


@pytest.fixture(scope="module")
def measured(django_db_setup: None) -> dict[str, dict[str, Any]]:
    """The figures of whole photos of each folder. A process of its own measures them, since the
    caches of this process hold rows of the test database."""
    environment = {**os.environ, "ENCODER": "starter", "DATABASE_URL": url_of_test_database()}
    figures = {}
    for name, row in ROWS.items():
        process = subprocess.run(
            [sys.executable, "manage.py", "evaluate", str(FOLDERS / name), "--json", "-v", "0"],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            pytest.fail(process.stderr)
        figures[name] = json.loads(process.stdout)[row]
    return figures


def recalls(row: dict[str, Any]) -> tuple[float, ...]:
    return tuple(row[f"recall@{k}"] for k in (1, 5, 10))


@pytest.mark.parametrize("name", ROWS)
def test_real_photographs_are_found_as_often_as_stated(
    name: str, measured: dict[str, dict[str, Any]]
) -> None:
    row = measured[name]

    assert row["queries"] == 200
    assert recalls(row) == pytest.approx(SEARCH[name], abs=THREE_PHOTOS)
    assert recalls(row["floor"]) == pytest.approx(FLOOR[name], abs=THREE_PHOTOS)


@pytest.mark.parametrize("name", ROWS)
def test_the_starter_is_not_below_the_floor(name: str, measured: dict[str, dict[str, Any]]) -> None:
    # Then no interval of the difference, search minus floor, lies below 0.
    for recall, difference in measured[name]["difference"].items():
        assert difference["high"] >= 0, recall
