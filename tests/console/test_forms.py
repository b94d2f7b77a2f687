"""Every form of every model in the console, by real requests."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from catalog.console.base import ReadOnlyAdmin
from catalog.models import ApiKey, Product, Webhook
from tests.console.forms import errors_of, filled, shown
from tests.console.rows import made

pytestmark = pytest.mark.usefixtures("empty_shop")

ADMINS = admin.site._registry
WRITTEN = [model for model, of in ADMINS.items() if not isinstance(of, ReadOnlyAdmin)]
READ = [model for model in ADMINS if model not in WRITTEN]


def address(model: type[Any], page: str, *row: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=row)


def label(model: type[Any]) -> str:
    return model._meta.label


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    """Drops times: forms show whole seconds, and some fields hold the time of saving."""
    return {name: value for name, value in values.items() if not isinstance(value, datetime)}


def save(client: Client, page: str, data: Any) -> Any:
    """Posts a form, then makes the database check its deferred constraints."""
    response: Any = client.post(page, data)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return response


# The page that follows the form of a key or a webhook shows its secret, once: test_key_pages.py and
# test_webhook_pages.py in tests/console/pages.
ANSWERED_BY_THE_LIST = [model for model in WRITTEN if model not in (ApiKey, Webhook)]


@pytest.mark.parametrize("model", ANSWERED_BY_THE_LIST, ids=label)
def test_a_row_is_added_changed_viewed_and_deleted(admin_client: Client, model: type[Any]) -> None:
    objects = model._default_manager
    before = set(objects.values_list("pk", flat=True))

    add = address(model, "add")
    response = save(admin_client, add, filled(admin_client.get(add)))
    assert (response.status_code, errors_of(response)) == (302, {})
    [pk] = set(objects.values_list("pk", flat=True)) - before

    change = address(model, "change", pk)
    as_it_was = objects.filter(pk=pk).values().get()
    response = save(admin_client, change, shown(admin_client.get(change)))
    assert (response.status_code, errors_of(response)) == (302, {})
    unchanged = objects.filter(pk=pk).values().get()
    assert without_times(unchanged) == without_times(as_it_was)

    response = save(admin_client, change, filled(admin_client.get(change)))
    assert (response.status_code, errors_of(response)) == (302, {})
    assert objects.filter(pk=pk).values().get() != as_it_was

    for page in ("changelist", "history", "delete"):
        row = () if page == "changelist" else (pk,)
        assert admin_client.get(address(model, page, *row)).status_code == 200
    response = save(admin_client, address(model, "delete", pk), {"post": "yes"})
    assert response.status_code == 302
    assert not objects.filter(pk=pk).exists()


@pytest.mark.parametrize("model", WRITTEN, ids=label)
def test_an_empty_form_is_shown_again_and_saves_nothing(
    admin_client: Client, model: type[Any]
) -> None:
    before = model._default_manager.count()

    response = save(admin_client, address(model, "add"), {})

    assert response.status_code == 200
    assert model._default_manager.count() == before


@pytest.mark.parametrize("model", WRITTEN, ids=label)
def test_rows_are_deleted_together(admin_client: Client, model: type[Any]) -> None:
    rows = [made(model) for _ in range(2)]
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}

    assert admin_client.post(address(model, "changelist"), data).status_code == 200
    save(admin_client, address(model, "changelist"), {**data, "post": "yes"})

    assert not model._default_manager.filter(pk__in=[row.pk for row in rows]).exists()


@pytest.mark.parametrize("model", READ, ids=label)
def test_a_read_only_model_cannot_be_changed(admin_client: Client, model: type[Any]) -> None:
    row = made(model)
    before = model._default_manager.values().get(pk=row.pk)
    count = model._default_manager.count()

    for page, of in (("changelist", ()), ("change", (row.pk,)), ("history", (row.pk,))):
        assert admin_client.get(address(model, page, *of)).status_code == 200
    for page, of in (("add", ()), ("change", (row.pk,)), ("delete", (row.pk,))):
        for data in ({}, {"post": "yes"}, {"_saveasnew": "1"}):
            assert admin_client.post(address(model, page, *of), data).status_code == 403

    assert model._default_manager.values().get(pk=row.pk) == before
    assert model._default_manager.count() == count


HOSTILE = ["a\0b", '{"a": "\\u0000"}', '{"a": "\\ud800"}', "[" * 20_000, "9" * 400]
HOSTILE += ["\0", "-1", "NaN", "x" * 20_001, "<script>alert(1)</script>", "'; DROP TABLE x; --"]


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(model, marks=[pytest.mark.long] if model is Product else [])
        for model in WRITTEN
    ],
    ids=label,
)
def test_no_value_of_a_field_breaks_a_form(
    admin_client: Client, model: type[Any], long_run: bool
) -> None:
    page = address(model, "add")
    good = filled(admin_client.get(page))
    names = [name for name in good if not name.startswith("csrf")]
    everywhere = [{name: [value] for name in names} for value in HOSTILE]
    values = HOSTILE if long_run else HOSTILE[:1]
    in_one = [{name: [value]} for name in names for value in values]
    for bad in everywhere + in_one:
        with transaction.atomic():
            response = save(admin_client, page, {**good, **bad})
            transaction.set_rollback(True)
        assert response.status_code in (200, 302), bad
