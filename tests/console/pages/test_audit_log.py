"""Every change is in the audit log, under the name of who made it. Nobody can change the log."""

import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from catalog.console.base import LogPaginator
from catalog.console.known_sentences.of_actions import ACTIONS_DONE
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence
from catalog.console.translated_names import name_action
from catalog.models import AuditEntry, Category
from indexing.models import IndexingRun
from tests.console.forms import filled, shown
from tests.console.pages.people import member, said, text_of
from tests.indexing.shop import add_products, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")


def entries() -> list[tuple[str, str, str]]:
    return [(e.by, e.action, e.target) for e in AuditEntry.objects.order_by("pk")]


def test_the_rights_of_the_groups_grow(client: Client) -> None:
    users = {}
    for name in ("viewer", "operator", "publisher"):
        users[name] = User.objects.create_user(name, is_staff=True)
        users[name].groups.add(Group.objects.get(name=name))

    rights = {name: [str(r) for r in Right if may(user, r)] for name, user in users.items()}

    assert rights == {
        "viewer": ["view_console"],
        "operator": ["view_console", "operate"],
        "publisher": ["view_console", "operate", "publish"],
    }
    users["publisher"].is_staff = False
    assert not may(users["publisher"], Right.VIEW)


def test_forms_buttons_and_actions_are_recorded(admin_client: Client) -> None:
    add = reverse("admin:catalog_category_add")
    admin_client.post(add, filled(admin_client.get(add)))
    category = Category.objects.get()
    admin_client.post(reverse("admin:start_run", args=["refresh"]))
    run = IndexingRun.objects.get()
    data = {"action": "pause", "_selected_action": [str(run.pk)]}
    admin_client.post(reverse("admin:indexing_indexingrun_changelist"), data)
    admin_client.post(reverse("admin:run_step", args=[run.pk, "cancel"]))
    delete = reverse("admin:catalog_category_delete", args=[category.pk])
    admin_client.post(delete, {"post": "yes"})

    assert entries() == [
        ("admin", "add", f"category {category.pk}"),
        ("admin", "start refresh", f"run {run.pk}"),
        ("admin", "pause", f"indexing run {run.pk}"),
        ("admin", "cancel", f"run {run.pk}"),
        ("admin", "delete", f"category {category.pk}"),
    ]
    run.refresh_from_db()
    assert (run.started_by, run.state) == ("admin", "cancelled")


def test_commands_act_as_the_user_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "deploy")
    add_products(range(3))
    rebuild()
    generation = rebuild(publish=False).generation
    assert generation is not None

    call_command("index", "publish", str(generation.pk), verbosity=0)
    call_command("index", "rollback", verbosity=0)
    call_command("index", "refresh", verbosity=0)

    by = "deploy (index)"
    assert [entry[:2] for entry in entries()] == [
        (by, "publish"),
        (by, "rollback"),
        (by, "refresh"),
    ]
    assert IndexingRun.objects.first().started_by == by  # type: ignore[union-attr]


def test_nobody_changes_the_log(admin_client: Client) -> None:
    entry = AuditEntry.objects.create(by="anna", action="publish")
    page = reverse("admin:catalog_auditentry_change", args=[entry.pk])
    data: Any = {"by": "eve", "action": "nothing"}

    for client in (admin_client, member("publisher")):
        assert client.post(page, data).status_code == 403
        delete = reverse("admin:catalog_auditentry_delete", args=[entry.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403
        assert "publish" in client.get(page).content.decode()

    entry.refresh_from_db()
    assert entry.by == "anna"


def test_a_refused_action_is_not_recorded(client: Client) -> None:
    viewer = member("viewer")
    data = {"action": "publish", "_selected_action": ["1"]}

    response = viewer.post(reverse("admin:catalog_generation_changelist"), data)

    assert said(response) in ([], ["No action selected."])
    assert entries() == []


def russian_page(admin_client: Client, **asked: str) -> str:
    admin_client.cookies["django_language"] = "ru"
    return text_of(admin_client.get(reverse("admin:catalog_auditentry_changelist"), asked))


def test_the_log_is_russian_for_readers_of_russian(admin_client: Client) -> None:
    product = add_products(range(1))[0]
    change = reverse("admin:catalog_product_change", args=[product.pk])
    form = shown(admin_client.get(change))
    admin_client.post(change, {**form, "title": "Lamp", "brand": "Nordwood"})
    call_command("index", "sources", "add", "feed.csv", "--name", "feed", "--no-pull", verbosity=0)
    call_command("index", "sources", "list", verbosity=0)
    admin_client.post(reverse("admin:start_run", args=["rebuild"]), {"publish": "no"})
    run = IndexingRun.objects.get()
    admin_client.post(reverse("admin:run_step", args=[run.pk, "cancel"]))
    AuditEntry.objects.create(by="API key 1 (shop)", action="change prices", target="3 products")

    assert AuditEntry.objects.count() == 5
    page = russian_page(admin_client)

    assert f"изменить товар {product.pk} изменено: название, бренд" in page
    assert "добавить источник feed" in page
    assert f"запустить перестройку задание {run.pk} без публикации" in page
    assert f"отменить задание {run.pk} перестройка" in page
    assert "изменить цены 3 товара" in page
    assert "Строк: 5" in page


def test_what_an_action_did_is_told_in_the_language_of_the_reader(admin_client: Client) -> None:
    add_products(range(3))
    rebuild()
    built = rebuild(publish=False).generation
    assert built is not None
    runs = [IndexingRun.objects.create(kind=k, state="running") for k in ("refresh", "fetch")]
    # Given an operator who works in Russian.
    admin_client.cookies["django_language"] = "ru"
    data = {"action": "pause", "_selected_action": [str(run.pk) for run in runs]}
    response = admin_client.post(reverse("admin:indexing_indexingrun_changelist"), data)
    paused = [f"Задание {run.pk} приостановлено." for run in runs]
    assert sorted(said(response)) == sorted(paused)
    of_list = reverse("admin:catalog_generation_changelist")
    for action in ("publish", "roll_back"):
        admin_client.post(of_list, {"action": action, "_selected_action": [str(built.pk)]})
    admin_client.post(reverse("admin:generation_publish", args=[built.pk]))
    admin_client.post(reverse("admin:generation_roll_back"))

    details = {entry.action: entry.detail for entry in AuditEntry.objects.all()}
    assert set(details["pause"].split("\n")) == {f"Run {run.pk} is paused." for run in runs}
    assert details["roll_back"] == f"Generation {built.pk - 1} is live."
    assert details["roll back"].startswith(f"This undoes the switch to generation {built.pk} (")
    russian = russian_page(admin_client)
    assert all(sentence in russian for sentence in paused)
    assert f"Отменится переход на поколение {built.pk} (" in russian
    english = text_of(member("viewer").get(reverse("admin:catalog_auditentry_changelist")))
    assert f"Run {runs[0].pk} is paused." in english
    assert "приостановлено" not in english


def test_every_sentence_of_an_action_is_known_in_russian() -> None:
    with override("ru"):
        told = {said: translate_sentence(said.replace("%(number)s", "3")) for said in ACTIONS_DONE}

    assert [said for said, russian in told.items() if not re.search("[а-яё]", russian)] == []


def test_every_action_has_a_russian_name() -> None:
    taken = {str(name) for of in site._registry.values() for name in of.actions}
    with override("ru"):
        names = {name: name_action(name) for name in taken - {"delete_selected"}}

    assert {name for name, said in names.items() if not re.search("[а-яё]", said)} == set()


def test_entries_of_an_action_are_found_whatever_recorded_it(admin_client: Client) -> None:
    for action in ("rollback", "roll_back", "roll back", "publish"):
        AuditEntry.objects.create(by="anna", action=action, target=f"of {action}")

    page = russian_page(admin_client, action="roll back")

    assert page.count("of roll") == 3
    assert "of publish" not in page


def test_a_long_list_says_that_it_has_more_rows(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogPaginator, "most", 1_000)
    AuditEntry.objects.bulk_create(AuditEntry(by="anna", action="add") for _ in range(1_001))
    assert "Строк: 1 000+" in russian_page(admin_client)

    AuditEntry.objects.order_by("pk")[0].delete()
    assert "Строк: 1000" in russian_page(admin_client)
