"""The offline side in the console: what operators see and which actions they have."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from catalog.index.live_index import live_generation
from catalog.models import ProductChange
from indexing.ledger import runs
from indexing.models import ImageFailure, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.training_run import start_training
from tests.indexing.shop import add_product, add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

RUNS = "admin:indexing_indexingrun_changelist"


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}


def queued_runs() -> list[int]:
    """Returns the ids of the runs that wait in the task queue, in order."""
    tasks = [queued.task for queued in OrmQ.objects.order_by("pk")]
    assert {task["func"] for task in tasks} <= {"indexing.tasks.work_on_run"}
    return [task["args"][0] for task in tasks]


@pytest.fixture
def log_in(client: Client) -> Callable[..., Client]:
    """Logs in a staff user with these permissions and no others."""

    def log_in(*permissions: str) -> Client:
        user = User.objects.create_user("operator", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


def act(client: Client, page: str, action: str, *keys: Any) -> list[str]:
    """Runs an action on rows of a list, and returns the messages of the console."""
    data = {"action": action, "_selected_action": [str(key) for key in keys]}
    return read_messages(client.post(reverse(page), data, follow=True))


def read_messages(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize(
    "ledger",
    [
        *("indexing_indexingrun", "indexing_imagefailure", "indexing_indexevaluation"),
        *("catalog_generation", "catalog_product", "catalog_tag", "catalog_category"),
    ],
)
def test_every_list_is_shown(admin_client: Client, ledger: str) -> None:
    add_products(range(3))
    add_product("bad", b"nonsense")
    rebuild()
    start_refresh()

    assert admin_client.get(reverse(f"admin:{ledger}_changelist")).status_code == 200


def test_the_list_of_runs_says_whether_the_index_is_fresh(admin_client: Client) -> None:
    assert "No generation is live yet" in admin_client.get(reverse(RUNS)).content.decode()

    add_products(range(3))
    rebuild()

    page = admin_client.get(reverse(RUNS)).content.decode()
    assert "The index is fresh." in page
    assert "3 images of 3 products" in page


@pytest.mark.parametrize("kind", ["refresh", "rebuild"])
def test_a_button_starts_a_run(admin_client: Client, kind: str) -> None:
    response = admin_client.post(reverse("admin:start_run", args=[kind]))

    run = IndexingRun.objects.get()
    assert (run.kind, run.state) == (kind, "queued")
    assert queued_runs() == [run.pk]
    assert read_messages(response) == [f"{kind.capitalize()} {run.pk} is under way."]
    assert response.headers["Location"] == reverse(RUNS)


def test_a_button_pressed_twice_starts_one_run(admin_client: Client) -> None:
    for _ in range(2):
        admin_client.post(reverse("admin:start_run", args=["refresh"]))

    assert IndexingRun.objects.count() == 1


def test_a_conflicting_rebuild_is_explained(admin_client: Client) -> None:
    start_rebuild(publish=False)

    response = admin_client.post(reverse("admin:start_run", args=["rebuild"]))

    [sentence] = read_messages(response)
    assert "is under way" in sentence
    assert queued_runs() == []


def test_a_get_request_starts_nothing(admin_client: Client) -> None:
    admin_client.get(reverse("admin:start_run", args=["refresh"]))

    assert not IndexingRun.objects.exists()


def test_a_user_who_may_only_view_cannot_start_or_cancel(log_in: Callable[..., Client]) -> None:
    client = log_in("view_indexingrun", "view_generation")
    assert "Refresh now" not in client.get(reverse(RUNS)).content.decode()

    client.post(reverse("admin:start_run", args=["refresh"]))
    assert not IndexingRun.objects.exists()

    run = start_refresh()
    act(client, RUNS, "cancel", run.pk)
    run.refresh_from_db()
    assert run.state == "queued"


def test_a_training_is_confirmed_and_started_once(admin_client: Client) -> None:
    add_products(range(12))
    rebuild()
    assert reverse("admin:train") in admin_client.get(reverse(RUNS)).content.decode()

    page = admin_client.get(reverse("admin:train")).content.decode()
    assert "8 photos of 8 products to learn from, and 4 products set aside" in page
    assert reverse("admin:start_run", args=["training"]) in page

    for sentence in ("Training {} is under way.", "Training {} is under way: let it finish"):
        response = admin_client.post(reverse("admin:start_run", args=["training"]))
        run = IndexingRun.objects.get(kind="training")
        assert (run.encoder, run.state) == ("histogram", "queued")
        assert queued_runs() == [run.pk]
        assert read_messages(response)[-1].startswith(sentence.format(run.pk))


def test_the_result_of_a_training_is_shown(admin_client: Client) -> None:
    run = start_training()
    run.result = {"encoder": "local-dir:new", "products": 8, "photos": 9, "clicks": 0}
    run.result |= {"better": False}
    run.save()

    page = admin_client.get(reverse(RUNS)).content.decode()

    assert "Last training: Learnt from 9 photos of 8 products." in " ".join(page.split())


def test_a_user_who_may_only_view_cannot_train(log_in: Callable[..., Client]) -> None:
    client = log_in("view_indexingrun")

    assert client.get(reverse("admin:train")).status_code == 403
    assert client.post(reverse("admin:start_run", args=["training"])).status_code == 403
    assert reverse("admin:train") not in client.get(reverse(RUNS)).content.decode()
    assert not IndexingRun.objects.exists()


def test_an_unknown_kind_of_run_is_not_found(admin_client: Client) -> None:
    assert admin_client.post("/admin/indexing/indexingrun/start/nonsense/").status_code == 404
    assert not IndexingRun.objects.exists()


def test_an_anonymous_user_is_redirected_to_the_login(client: Client) -> None:
    response = client.post(reverse("admin:start_run", args=["refresh"]))

    assert "/login/" in response.headers["Location"]
    assert not IndexingRun.objects.exists()


def test_a_run_is_paused_resumed_and_cancelled(log_in: Callable[..., Client]) -> None:
    client = log_in("view_indexingrun", "operate")
    run = start_refresh()

    assert act(client, RUNS, "pause", run.pk) == [f"Run {run.pk} is paused."]
    assert act(client, RUNS, "resume", run.pk) == [f"Run {run.pk} continues."]
    assert queued_runs() == [run.pk]
    assert act(client, RUNS, "cancel", run.pk) == [f"Run {run.pk} is cancelled."]
    assert not runs.unfinished_runs().exists()


def test_a_generation_is_published_and_rolled_back(admin_client: Client) -> None:
    add_products(range(5))
    first, second = rebuild().generation, rebuild(publish=False).generation
    assert first is not None
    assert second is not None
    generations = "admin:catalog_generation_changelist"

    messages = act(admin_client, generations, "publish", second.pk)
    assert messages == [f"Generation {second.pk} is live."]
    assert live_generation() == second

    act(admin_client, generations, "roll_back", second.pk)
    assert live_generation() == first


def test_quarantined_images_are_listed_with_the_reason_and_can_be_tried_again(
    admin_client: Client,
) -> None:
    add_product("good", photo(1))
    bad = add_product("bad", b"just words")
    rebuild()
    failure = ImageFailure.objects.get()
    failures = "admin:indexing_imagefailure_changelist"

    page = admin_client.get(reverse(failures)).content.decode()
    assert failure.reason in page
    assert reverse("admin:catalog_product_change", args=[bad.pk]) in page

    act(admin_client, failures, "try_again", failure.pk)
    assert not ImageFailure.objects.exists()
    assert ProductChange.objects.get().product_id == bad.pk
