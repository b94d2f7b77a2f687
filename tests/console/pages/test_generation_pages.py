"""Two generations side by side; publishing, rejecting and rolling back say what they will do."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog.index.live_index import live_generation
from catalog.models import AuditEntry, Generation, Publication
from tests.console.pages.people import member, said, text_of
from tests.indexing.histogram_encoder import BlindEncoder, HistogramEncoder
from tests.indexing.shop import add_products, label_photos, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

COMPARE = "admin:generations_compare"


@pytest.fixture
def pair() -> list[Generation]:
    """A live generation, and one that another encoder has built and that waits."""
    add_products(range(12))
    generations = [rebuild().generation, rebuild("other", publish=False).generation]
    return [generation for generation in generations if generation is not None]


def test_both_answer_the_same_photos_side_by_side(pair: list[Generation]) -> None:
    viewer = member("viewer")

    response = viewer.get(reverse(COMPARE))

    page = text_of(response)
    assert f"Generation {pair[0].pk}" in page
    assert f"Generation {pair[1].pk}" in page
    assert "recall@20 of the graph" in page
    assert "results in common" in page
    assert len(response.context["queries"]) == 5
    assert all(len(query.columns) == 2 for query in response.context["queries"])
    assert "Publish generation" not in page


def test_a_dropped_photo_is_the_query_of_both(pair: list[Generation]) -> None:
    viewer = member("viewer")
    file = SimpleUploadedFile("7.jpg", photo(7), "image/jpeg")

    [query] = viewer.post(reverse(COMPARE), {"photo": file}).context["queries"]
    assert [column[0].card.sku for column in query.columns] == ["00007", "00007"]

    broken = SimpleUploadedFile("7.jpg", photo(7)[:500], "image/jpeg")
    assert "This photo cannot be read" in text_of(viewer.post(reverse(COMPARE), {"photo": broken}))


def test_one_generation_is_nothing_to_compare(admin_client: Client) -> None:
    assert "There is nothing to compare" in text_of(admin_client.get(reverse(COMPARE)))


def test_publishing_and_rolling_back_say_what_they_do(pair: list[Generation]) -> None:
    live, built = pair
    publisher = member("publisher")
    publish = reverse("admin:generation_publish", args=[built.pk])
    roll_back = reverse("admin:generation_roll_back")

    assert f"Generation {live.pk} is kept, so that you can roll back." in text_of(
        publisher.get(publish)
    )
    assert live_generation() == live
    assert said(publisher.post(publish, follow=True)) == [f"Generation {built.pk} is live."]

    page = text_of(publisher.get(roll_back))
    assert f"This undoes the switch to generation {built.pk}" in page
    assert f"Generation {live.pk} (histogram) answers searches at once." in page
    assert live_generation() == built
    assert said(publisher.post(roll_back, follow=True)) == [f"Generation {live.pk} is live."]
    assert said(publisher.get(roll_back, follow=True)) == [
        "There is no earlier generation to go back to."
    ]
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["publish", "roll back"]


@pytest.fixture
def worse(
    settings: Any, tmp_path: Path, encoders: dict[str, HistogramEncoder]
) -> tuple[Generation, Generation]:
    """A generation, and the live one after it, which finds less: gates let any pass."""
    settings.GATE_PHOTO_RECALL_DROP = 1.0
    add_products(range(30))
    settings.LABELLED_PHOTOS = label_photos(tmp_path, range(30))
    before = rebuild().generation
    encoders["other"] = BlindEncoder("other")
    live = rebuild("other").generation
    assert before is not None
    assert live is not None
    assert live_generation() == live
    return before, live


def test_a_live_generation_that_is_worse_is_named_until_somebody_decides(
    worse: tuple[Generation, Generation],
) -> None:
    before, live = worse
    publisher = member("publisher")
    home = publisher.get("/admin/")
    warning = f"Generation {live.pk} is live, but finds less than the one that was live when"
    reason = "recall@5 on labelled photos is 0.167; the live generation has 1.000."
    assert f"{warning} it was built: {reason} Compare it with the one before." in text_of(home)
    address = f"{reverse(COMPARE)}?left={before.pk}&right={live.pk}"
    assert address.replace("&", "&amp;") in home.content.decode()
    assert [g.pk for g in publisher.get(address).context["pair"]] == [before.pk, live.pk]
    assert f"Keep generation {live.pk}" in text_of(publisher.get(address))

    # It may be kept, though it is worse.
    keep = reverse("admin:generation_keep", args=[live.pk])
    assert reason[:-1] in text_of(publisher.get(keep))
    assert member("operator").post(keep).status_code == 403
    assert warning in text_of(publisher.get("/admin/"))
    assert said(publisher.post(keep, follow=True)) == [f"Generation {live.pk} stays live."]
    assert "Search is healthy." in text_of(publisher.get("/admin/"))
    assert "Keep generation" not in text_of(publisher.get(address))
    assert AuditEntry.objects.get().action == "keep"

    # Or it is undone.
    Publication.objects.update(kept_at=None)
    assert warning in text_of(publisher.get("/admin/"))
    publisher.post(reverse("admin:generation_roll_back"))
    assert live_generation() == before
    assert "Search is healthy." in text_of(publisher.get("/admin/"))
    assert said(publisher.post(keep, follow=True)) == [
        f"Generation {live.pk} is retired, not live."
    ]


def test_a_rejected_generation_is_named_and_can_still_be_published(
    pair: list[Generation],
) -> None:
    publisher = member("publisher")
    reject: Any = reverse("admin:generation_reject", args=[pair[1].pk])

    assert "Searches do not change." in text_of(publisher.get(reject))
    response = publisher.post(reject, follow=True)

    assert said(response) == [f"Generation {pair[1].pk} is rejected."]
    assert Generation.objects.get(pk=pair[1].pk).state == "rejected"
    assert f"Generation {pair[1].pk} was built, but is worse" in text_of(publisher.get("/admin/"))
    live = reverse("admin:generation_reject", args=[pair[0].pk])
    assert "only built ones can be rejected" in said(publisher.post(live, follow=True))[0]
