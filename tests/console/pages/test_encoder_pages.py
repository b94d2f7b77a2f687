"""Encoders in the console: figures side by side, curves, adoption, a rebuild with one; and the
page about drift."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.index.live_index import live_generation
from catalog.models import AuditEntry, EncoderVersion
from indexing.generations.encoder_registry import record_quality, register_encoder
from indexing.models import DriftMeasurement, DriftReference, IndexingRun
from indexing.pipeline.worker import work_on
from tests.console.pages.people import member, said, text_of
from tests.indexing.shop import add_products, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

RUNS = reverse("admin:indexing_indexingrun_changelist")


@pytest.fixture
def other(empty_shop: None) -> EncoderVersion:
    """An encoder beside the one in use."""
    add_products(range(120), photos_each=2)
    rebuild()
    return register_encoder("other")


def page_of(version: EncoderVersion) -> str:
    return reverse("admin:catalog_encoderversion_change", args=[version.pk])


def test_two_encoders_stand_side_by_side_with_curves(other: EncoderVersion) -> None:
    photos = {"queries": 40, "recall_at_1": 0.5, "recall_at_5": 0.75}
    record_quality(other, "sample", {"photos": photos})
    curves = {"step": [9, 19], "product": [2.0, 1.5], "text": [0.5, 0.25]}
    result = {"encoder": other.name, "photos": 240, "products": 120, "clicks": 0, "better": False}
    IndexingRun.objects.create(
        kind="training", state="succeeded", encoder="histogram", result={**result, "curves": curves}
    )

    response = member("viewer").get(page_of(other))

    page = text_of(response)
    assert [each.name for each in response.context["pair"]] == ["other", "histogram"]
    assert "recall@1 0.500, recall@5 0.750 (40)" in page
    assert "Learnt from 240 photos of 120 products." in page
    assert "Adopt" not in page
    titles = [chart.title for chart in response.context["charts"]]
    assert titles[0] == "Loss of photos: the same product or another"
    assert response.context["charts"][1].meaning.endswith("0.25")


def test_an_encoder_is_adopted_from_its_page(other: EncoderVersion) -> None:
    publisher = member("publisher")
    address = reverse("admin:adopt_encoder", args=[other.pk])
    assert address in publisher.get(page_of(other)).content.decode()
    assert "an adapter translates between the two" in text_of(publisher.get(address))

    response = publisher.post(address)

    assert response.headers["Location"] == RUNS
    run = IndexingRun.objects.get(kind="adoption")
    assert (run.encoder, run.started_by) == ("other", "publisher-anna")
    assert AuditEntry.objects.filter(action="start adoption", by="publisher-anna").exists()
    done = work_on(run)
    live = live_generation()
    assert live is not None
    if done.state == "succeeded":
        assert live.query_encoder == other
        assert address not in publisher.get(page_of(other)).content.decode()
    else:
        assert done.error
        assert live.query_encoder.name == "histogram"


def test_an_adoption_that_fails_says_why_and_changes_nothing(empty_shop: None) -> None:
    add_products(range(8))
    rebuild()
    other = register_encoder("other")

    member("publisher").post(reverse("admin:adopt_encoder", args=[other.pk]))
    run = work_on(IndexingRun.objects.get(kind="adoption"))

    assert run.state == "failed"
    assert "rebuild instead" in run.error
    live = live_generation()
    assert live is not None
    assert live.query_encoder.name == "histogram"


def test_a_rebuild_with_an_encoder_starts_from_its_page(other: EncoderVersion) -> None:
    publisher = member("publisher")
    address = reverse("admin:rebuild_with_encoder", args=[other.pk])

    response = publisher.post(address, {"publish": "no"})

    run = IndexingRun.objects.get(kind="rebuild", encoder="other")
    assert not run.publish
    assert said(response) == [f"Rebuild {run.pk} is under way."]


def test_drift_says_what_to_do_about_an_alarm(other: EncoderVersion, client: Client) -> None:
    live, viewer, address = live_generation(), member("viewer"), reverse("admin:drift")
    assert "taken at night, once there are 100." in text_of(viewer.get(address))

    zeros = np.zeros((1, 4), np.float16).tobytes()
    reference = DriftReference.objects.create(generation=live, kind="queries", vectors=zeros)
    page = text_of(viewer.get(address))
    assert f"Compared with {timezone.now():%Y-%m-%d}" in page
    assert "Alarm." not in page

    DriftMeasurement.objects.create(reference=reference, vectors=300, distance=0.3, level=0.2)
    response = viewer.get(address)
    page = text_of(response)
    assert "1.50 times the alarm level, from 300 photos" in page
    assert "Label some of the new photos and rebuild" in page
    assert len(response.context["charts"]) == 1
    home = text_of(viewer.get(reverse("admin:index")))
    assert "Shoppers search with other photos" in home
