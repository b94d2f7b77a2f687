"""Every change is in the audit log, under the name of who made it. Nobody can change the log."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from catalog.console.rights import Right, may
from catalog.models import AuditEntry, Category
from indexing.models import IndexingRun
from tests.console.forms import filled
from tests.console.pages.people import member, said
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
