"""Errors in the console are shown in the console, in its language. No error is a 500 or a page
without the frame of the console."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse

from catalog.index.live_index import live_generation
from catalog.models import Generation, Product
from indexing.generations.publishing import PUBLISHING_LOCK
from indexing.models import IndexingRun
from indexing.pipeline.refresh import start_refresh
from tests.console.forms import errors_of, shown, upload
from tests.console.pages.people import member
from tests.console.rows import made
from tests.indexing.shop import add_product, photo, rebuild, table_exists
from tests.support.processes import url_of_test_database, wait_until

GENERATIONS = "admin:catalog_generation_changelist"
RUNS = "admin:indexing_indexingrun_changelist"


def act(client: Client, page: str, action: str, *keys: Any) -> tuple[Any, list[str]]:
    """Runs an action. Returns the answer after redirects and the messages that it shows."""
    data = {"action": action, "_selected_action": [str(key) for key in keys]}
    response: Any = client.post(reverse(page), data, follow=True)
    assert response.status_code == 200
    assert 'id="changelist"' in response.content.decode()
    return response, [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.usefixtures("empty_shop")
def test_the_list_says_why_a_generation_cannot_go_live(admin_client: Client) -> None:
    building = made(Generation)

    _, said = act(admin_client, GENERATIONS, "publish", building.pk)
    assert said == [f"Generation {building.pk} is building, not built."]
    _, said = act(admin_client, GENERATIONS, "roll_back", building.pk)
    assert said == ["There is no earlier generation to go back to."]
    _, said = act(admin_client, GENERATIONS, "publish", building.pk, made(Generation).pk)
    assert said == ["Choose one row."]
    assert live_generation() is None


@pytest.mark.usefixtures("empty_shop")
def test_errors_are_shown_in_russian(admin_client: Client) -> None:
    admin_client.cookies["django_language"] = "ru"
    building = made(Generation)

    _, said = act(admin_client, GENERATIONS, "publish", building.pk)
    assert said == [f"Поколение {building.pk} в состоянии «строится», а не «построено»."]
    _, said = act(admin_client, GENERATIONS, "roll_back", building.pk)
    assert said == ["Нет более раннего поколения, к которому можно вернуться."]
    page = admin_client.get(reverse(RUNS)).content.decode()
    assert "Обновить сейчас" in page


@pytest.mark.usefixtures("empty_shop")
def test_actions_on_deleted_rows_show_a_message(admin_client: Client) -> None:
    for page, model, action in (
        (GENERATIONS, Generation, "publish"),
        (RUNS, IndexingRun, "pause"),
    ):
        row = made(model)
        pk, _ = row.pk, row.delete()
        _, said = act(admin_client, page, action, pk)
        assert said == ["This row no longer exists: somebody has deleted it."]


@pytest.mark.usefixtures("committed_shop")
def test_a_generation_deleted_while_it_waits_to_be_published_shows_a_message(
    admin_client: Client,
) -> None:
    # Given another connection that holds the lock of publishers and has deleted the generation.
    row = made(Generation)
    with psycopg.connect(url_of_test_database()) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHING_LOCK])
        other.execute("DELETE FROM catalog_generation WHERE id = %s", [row.pk])

        def commit_when_awaited() -> None:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_until(lambda: other.execute(waiting).fetchone() == (1,))
            other.commit()

        with ThreadPoolExecutor(1) as pool:
            committed = pool.submit(commit_when_awaited)
            _, said = act(admin_client, GENERATIONS, "publish", row.pk)
            committed.result()

    assert said == [f"There is no generation {row.pk} any more."]


@pytest.mark.usefixtures("empty_shop")
def test_a_photo_deleted_in_the_meantime_causes_no_500(admin_client: Client) -> None:
    product = add_product("lamp", photo("red"), photo("blue"))
    page = reverse("admin:catalog_product_change", args=[product.pk])
    form = shown(admin_client.get(page))
    product_id = product.pk
    product.images.first().delete()  # type: ignore[union-attr]

    response = admin_client.post(page, form)

    assert response.status_code == 200
    product.delete()
    response = admin_client.post(page, form, follow=True)
    assert response.status_code == 200
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert said == [f"product with ID “{product_id}” doesn’t exist. Perhaps it was deleted?"]


@pytest.mark.usefixtures("empty_shop")
def test_a_missing_table_shows_a_message(admin_client: Client) -> None:
    add_product("lamp", photo("red"))
    first, second = rebuild().generation, rebuild().generation
    assert first is not None
    assert second is not None
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {first.vector_table}")
    assert not table_exists(first)

    _, said = act(admin_client, GENERATIONS, "roll_back", second.pk)

    assert said == [f"Generation {first.pk} has no valid graph index."]
    assert live_generation() == second


@pytest.mark.usefixtures("empty_shop")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("django_q/success/%00/change/", 400),
        ("django_q/success/?group=%00", 400),
        ("catalog/tag/?q=%00", 200),
    ],
)
def test_a_url_that_the_database_cannot_read_gets_a_page(
    admin_client: Client, path: str, status: int
) -> None:
    response = admin_client.get(reverse("admin:index") + path, follow=True)

    assert response.status_code == status
    assert reverse("admin:logout") in response.content.decode()


@pytest.mark.usefixtures("empty_shop")
def test_missing_rights_pages_and_tokens_get_a_page(admin_client: Client) -> None:
    def alert(response: Any) -> str:
        page = response.content.decode()
        assert reverse("admin:logout") in page
        return page.split('<p role="alert">')[1].split("</p>")[0]

    rebuilding = reverse("admin:start_run", args=["rebuild"])
    operator = member("operator")
    for refused in (operator.get(rebuilding), operator.post(rebuilding)):
        assert (refused.status_code, alert(refused)[:29]) == (403, "You do not have the right to ")
    refused = operator.post(
        reverse(GENERATIONS), {"action": "roll_back", "_selected_action": ["1"]}
    )
    assert (refused.status_code, alert(refused)[:29]) == (403, "You do not have the right to ")
    for missing in ("nowhere/", "catalog/generation/9999/publish/"):
        response = admin_client.get(reverse("admin:index") + missing)
        assert (response.status_code, alert(response)[:22]) == (404, "There is no such page.")
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = admin_client.cookies
    assert "open for too long" in alert(careful.post(rebuilding))
    assert not IndexingRun.objects.exists()

    # Before the login there is no frame to fill; shoppers have pages of their own.
    early = Client(enforce_csrf_checks=True).post(reverse("admin:login"))
    assert (early.status_code, "open for too long" in early.content.decode()) == (403, True)
    assert 'class="notice' in admin_client.get("/nowhere/").content.decode()


@pytest.mark.usefixtures("empty_shop")
def test_those_who_may_no_longer_enter_are_told(admin_client: Client) -> None:
    User.objects.update(is_staff=False)

    page = admin_client.get(reverse("admin:index"), follow=True).content.decode()

    assert "You are authenticated as admin, but are not authorized" in page


@pytest.mark.usefixtures("committed_shop")
def test_two_users_who_add_a_photo_with_one_position(admin_client: Client) -> None:
    product = add_product("lamp", photo("red"))
    page = reverse("admin:catalog_product_change", args=[product.pk])
    form = shown(admin_client.get(page))
    form |= {"images-TOTAL_FORMS": [2], "images-1-position": ["1"]}
    form["images-1-file"] = [upload("blue.jpg", photo("blue"))]
    add_photo_elsewhere(product)

    response = admin_client.post(page, form, follow=True, headers={"referer": page})

    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert (response.status_code, errors_of(response)) == (200, {})
    assert said == [
        "Somebody has changed this in the meantime. Check the current values and try again."
    ]
    assert product.images.count() == 2


def add_photo_elsewhere(product: Product) -> None:
    product.images.create(position=1, file="products/other.jpg", content_hash="1" * 32)


@pytest.mark.usefixtures("committed_shop")
def test_a_row_locked_for_too_long_shows_a_message(admin_client: Client) -> None:
    # Given a run whose row another connection has locked, and a statement timeout.
    run = start_refresh()
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM indexing_indexingrun WHERE id = %s FOR UPDATE", [run.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 300")

        _, said = act(admin_client, RUNS, "cancel", run.pk)

        assert said == ["The database did not answer. Try again in a moment."]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        other.rollback()
        other.close()
    run.refresh_from_db()
    assert run.state == "queued"


@pytest.mark.usefixtures("empty_shop")
def test_a_list_that_takes_too_long_gets_a_page_of_the_console(admin_client: Client) -> None:
    # Given a table that another connection has locked.
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE catalog_loggedsearch IN ACCESS EXCLUSIVE MODE")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 300")
            response = admin_client.get(reverse("admin:catalog_loggedsearch_changelist"))
            transaction.set_rollback(True)
    finally:
        other.rollback()
        other.close()

    assert response.status_code == 503
    assert response.headers["Retry-After"]


@pytest.mark.usefixtures("empty_shop")
def test_a_photo_that_cannot_be_stored_shows_a_message(admin_client: Client, settings: Any) -> None:
    # Given a file with the name of the folder for photos.
    product = add_product("lamp")
    page = reverse("admin:catalog_product_change", args=[product.pk])
    form = shown(admin_client.get(page))
    form |= {"images-TOTAL_FORMS": [1], "images-0-position": [""]}
    form["images-0-file"] = [upload("blue.jpg", photo("blue"))]
    folder = default_storage.path("products")
    site.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    with open(folder, "wb"):
        pass

    response = admin_client.post(page, form, follow=True)

    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert response.status_code == 200
    reason = f"{folder} exists and is not a directory"
    assert said == [f"A file cannot be read or written: {reason}."]
    assert not product.images.exists()


@pytest.mark.usefixtures("empty_shop")
def test_an_unreachable_queue_shows_a_message(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a Redis broker at an address where nothing listens.
    from django_q.brokers.redis_broker import Redis
    from django_q.conf import Conf

    monkeypatch.setattr(Conf, "REDIS", "redis://127.0.0.1:1/0")
    monkeypatch.setattr("django_q.tasks.get_broker", Redis)

    response: Any = admin_client.post(reverse("admin:start_run", args=["refresh"]), follow=True)

    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert response.status_code == 200
    assert said == ["The task queue cannot be reached. Try again in a moment."]
