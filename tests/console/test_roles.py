"""Permissions in the console: every role, every URL, every action. The expectations follow from the
groups of the role. The database counts what is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client
from django.urls import reverse

from catalog.console.base import ReadOnlyAdmin
from catalog.models import ApiKey, Category, Product, Source, Tag, Webhook
from tests.console.addresses import Address, addresses_of, addresses_of_site
from tests.console.rows import made
from tests.support.rows_written import rows_written

pytestmark = pytest.mark.usefixtures("empty_shop")

ADMINS = admin.site._registry


VIEWED_APPS = {"catalog", "indexing", "django_q"}
EDITED = {
    "operator": {Product, Category, Tag},
    "publisher": {Product, Category, Tag, Source, ApiKey, Webhook},
}
RIGHTS = {
    "viewer": {"view"},
    "operator": {"view", "operate"},
    "publisher": {"view", "operate", "publish"},
}


@dataclass(frozen=True)
class Role:
    """A group, or a user in none."""

    name: str
    staff: bool = True
    superuser: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def enters(self) -> bool:
        return self.staff or self.superuser

    def may(self, right: str) -> bool:
        """Returns whether the role has one of the rights of the groups."""
        return self.superuser or right in RIGHTS.get(self.name, ())

    def has(self, verb: str, model: type[Any]) -> bool:
        """Returns whether the role may do this with the rows of the model."""
        if self.superuser or model in EDITED.get(self.name, ()):
            return True
        return verb == "view" and self.name in RIGHTS and model._meta.app_label in VIEWED_APPS


ROLES = [
    Role("anonymous", staff=False),
    Role("viewer"),
]
MORE_ROLES = [
    Role("staff without rights"),
    Role("operator"),
    Role("publisher"),
    Role("superuser", superuser=True),
    Role("customer in every group", staff=False),
]

# The right that each page of its own needs. Those that start a run need that of its kind.
PAGES = {
    **dict.fromkeys(["train", "generation_roll_back", "generation_publish"], "publish"),
    **dict.fromkeys(["generation_reject", "generation_keep"], "publish"),
    **dict.fromkeys(["adopt_encoder", "rebuild_with_encoder"], "publish"),
    **dict.fromkeys(["experiment_start", "experiment_step"], "publish"),
    **dict.fromkeys(["run_step", "try_all_photos_again", "replace_photo"], "operate"),
    **dict.fromkeys(["recommended_to"], "operate"),
    **dict.fromkeys(["source_hiding", "source_undo", "import_undo"], "operate"),
    **dict.fromkeys(["import_file", "import_preview"], "operate"),
    **dict.fromkeys(["moving_runs", "generations_compare", "find_product"], "view"),
    **dict.fromkeys(["why_not_found", "search_analytics", "search_export"], "view"),
    **dict.fromkeys(["try_query", "where_it_stands", "search_photo", "drift"], "view"),
    **dict.fromkeys(["recommendation_history"], "view"),
}
STARTS = dict.fromkeys(["rebuild", "training", "recommendations"], "publish")
# Their photo or product does not exist, which those who may look are told.
MISSING = {"replace_photo", "where_it_stands", "search_photo"}
ACTIONS = {
    **dict.fromkeys(["pause", "resume", "cancel", "try_again", "fetch_again"], "operate"),
    **dict.fromkeys(["pull_now", "pull_everything", "count", "leave_out"], "operate"),
    **dict.fromkeys(["publish", "roll_back", "activate", "withdraw", "revoke"], "publish"),
    **dict.fromkeys(["send_test", "enable", "disable"], "publish"),
}


@pytest.fixture
def rows() -> dict[type[Any], Any]:
    """A row of each model in the console."""
    return {model: made(model) for model in ADMINS}


@pytest.fixture(
    params=[*ROLES, *(pytest.param(role, marks=pytest.mark.long) for role in MORE_ROLES)], ids=str
)
def role(request: pytest.FixtureRequest) -> Role:
    return request.param


@pytest.fixture
def visitor(role: Role, client: Client) -> Client:
    """A client that is logged in with the role."""
    if role.name != "anonymous":
        user = User.objects.create_user(
            "visitor", is_staff=role.enters, is_superuser=role.superuser
        )
        in_groups = [role.name] if role.staff else RIGHTS
        user.groups.set(Group.objects.filter(name__in=in_groups))
        client.force_login(user)
    return client


def page_allowed(role: Role, address: Address, method: str, data: dict[str, str]) -> bool:
    assert address.model is not None
    model, of = address.model, ADMINS[address.model]
    if address.page == "start_run":
        return role.may(STARTS.get(address.url.split("/")[-2], "operate"))
    if address.page in PAGES:
        return role.may(PAGES[address.page])
    verbs = {"changelist": "view", "history": "view", "import_report": "view"}
    verb = {**verbs, "add": "add", "delete": "delete"}.get(address.page, "change")
    if address.page == "change":
        verb = "view" if method == "get" else "add" if "_saveasnew" in data else "change"
    if isinstance(of, ReadOnlyAdmin) and address.page in ("add", "change", "delete"):
        return verb == "view" and role.has("view", model)
    if isinstance(of, UserAdmin) and address.page == "add":  # it leads to the change page
        return role.has("add", model) and role.has("change", model)
    return role.has(verb, model)


def action_allowed(role: Role, model: type[Any], action: str) -> bool:
    if action == "delete_selected":
        return role.has("delete", model) and not isinstance(ADMINS[model], ReadOnlyAdmin)
    if action in ACTIONS:
        return role.may(ACTIONS[action])
    return role.has("change", model)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def sent_to_login(response: Any) -> bool:
    return response.status_code == 302 and "/login/" in response.headers["Location"]


@pytest.mark.long
def test_pages_of_models(role: Role, visitor: Client, rows: dict[type[Any], Any]) -> None:
    problems = []
    for model, row in rows.items():
        for address in addresses_of(model, row):
            for method, data in (("get", {}), ("post", {}), ("post", SENT)):
                before = rows_written()
                with undone():
                    response = getattr(visitor, method)(address.url, data)
                    changed = rows_written() > before
                what = f"{method} {address} with {data}: {response.status_code}"
                if not role.enters:
                    right = sent_to_login(response) and not changed
                elif address.page == "old":
                    right = response.status_code == 302 and not changed
                elif page_allowed(role, address, method, data):
                    expected = {404} if address.page in MISSING else {200, 302}
                    right = response.status_code in expected and not (changed and method == "get")
                    if address.page == "delete" and data:
                        right = response.status_code == 302 and changed
                else:
                    right = response.status_code == 403 and not changed
                problems += [] if right else [what + (", changed" if changed else "")]
    assert problems == []


SENT = {"post": "yes", "_saveasnew": "1"}
"""Confirms a deletion, and makes a form save a copy."""


def test_actions(role: Role, visitor: Client, rows: dict[type[Any], Any]) -> None:
    problems = []
    for model, row in rows.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for function, action, _ in ADMINS[model]._get_base_actions():
            visitor.cookies.pop("messages", None)
            data = {"action": action, "_selected_action": [str(row.pk)], "post": "yes"}
            before = rows_written()
            with undone():
                response: Any = visitor.post(address, data)
                changed = rows_written() > before
                said = [str(message) for message in get_messages(response.wsgi_request)]
            carried_out = changed or (bool(said) and said != ["No action selected."])
            allowed = role.enters and action_allowed(role, model, action)
            if carried_out != allowed or response.status_code not in (200, 302, 403):
                problems.append(f"{action} of {address}: {response.status_code}, {said}, {changed}")
            if not getattr(function, "allowed_permissions", None):
                problems.append(f"{action} of {address} says no right that it needs")
    assert problems == []


def test_the_first_column_of_a_list_has_its_own_name(rows: dict[type[Any], Any]) -> None:
    # On a phone. The library takes a first column without a link for that of the checkboxes.
    viewer = Client()
    user = User.objects.create_user("vera", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    viewer.force_login(user)
    shown = 0
    for model in rows:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        page = viewer.get(reverse(name)).content.decode()
        shown += "data-label" in page
        assert 'data-label="Select record"' not in page, model
    assert shown > 10


def test_urls_without_a_model(role: Role, visitor: Client, rows: dict[type[Any], Any]) -> None:
    cookies = visitor.cookies.output(header="", sep=";")
    problems = []
    for address in addresses_of_site():
        for method in ("get", "post"):
            before = rows_written()
            with undone():
                response = getattr(visitor, method)(address.url)
                changed = rows_written() > before
            visitor.cookies = SimpleCookie(cookies)  # logs the visitor in again
            open_to_all = address.page in ("login", "logout")
            right = response.status_code < 500 and not changed
            if not role.enters and not open_to_all:
                right = right and sent_to_login(response)
            problems += [] if right else [f"{method} {address}: {response.status_code}, {changed}"]
    assert problems == []


def test_choices_of_a_field_need_the_view_permission(
    role: Role, visitor: Client, rows: dict[type[Any], Any]
) -> None:
    for model, of in ADMINS.items():
        for name in of.autocomplete_fields:
            field: Any = model._meta.get_field(name)
            asked = {
                "app_label": model._meta.app_label,
                "model_name": model._meta.model_name,
                "field_name": name,
            }
            response = visitor.get(reverse("admin:autocomplete"), asked)
            if not role.enters:
                assert sent_to_login(response)
            else:
                allowed = role.has("view", field.related_model)
                assert response.status_code == (200 if allowed else 403), asked


def test_the_search_of_the_console_shows_only_what_the_role_may_view(
    role: Role, visitor: Client, rows: dict[type[Any], Any]
) -> None:
    wanted = [row for row in rows.values() if ADMINS[type(row)].search_fields]
    assert wanted
    for row in wanted:
        term = str(row).split(" ")[0]
        response = visitor.get(reverse("admin:search"), {"s": term, "extended": "1"})
        if not role.enters:
            assert sent_to_login(response)
        elif not role.has("view", type(row)):
            assert f'/{row.pk}/change/"' not in response.content.decode()
