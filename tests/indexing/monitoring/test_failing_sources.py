"""A source that cannot be pulled is seen: in the status, in metrics, and in the console."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import ProductImport, Source
from indexing.monitoring.freshness import index_status
from indexing.monitoring.metrics import metrics_text

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def sources(empty_shop: None) -> None:
    """A source that is pulled well, one that fails, and one that waits for an operator."""
    made = {
        name: Source.objects.create(name=name, address=f"{name}.csv", pulled_at=timezone.now())
        for name in ("good", "bad", "cut")
    }
    Source.objects.filter(name="bad").update(attempts=7, error="The server has no such file.")
    ProductImport.objects.create(
        source=made["cut"], name="cut", state="waiting", error="The feed lacks 9 products."
    )


def test_sources_without_problems_say_nothing() -> None:
    assert index_status()["sources"] == {
        **{"total": 0, "failing": 0, "waiting": 0, "failures_in_a_row": 0}
    }
    assert b'vitrina_sources{state="failing"} 0.0' in metrics_text()


def test_a_failing_source_is_seen(sources: None, admin_client: Client, settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    assert index_status()["sources"] == {
        **{"total": 3, "failing": 1, "waiting": 1, "failures_in_a_row": 7}
    }
    text = metrics_text()
    assert b'vitrina_sources{state="failing"} 1.0' in text
    assert b'vitrina_sources{state="waiting"} 1.0' in text
    assert b"vitrina_source_failures_in_a_row 7.0" in text
    problems = (
        "Source bad FAILED 7 times in a row: The server has no such file.",
        "Source cut WAITS for you to confirm or discard: The feed lacks 9 products.",
    )
    shown = shown_status()
    page = admin_client.get(reverse("admin:indexing_indexingrun_changelist")).content.decode()
    for problem in problems:
        assert problem in shown
    assert "The source bad cannot be pulled: The server has no such file." in page
    assert "The feed of cut lacks many products: the import waits for your decision." in page


def shown_status() -> Any:
    out = StringIO()
    call_command("index", "status", stdout=out)
    return out.getvalue()
