"""A task names a function that workers call, so the console can neither create nor repeat tasks."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task

pytestmark = pytest.mark.usefixtures("empty_shop")

SCHEDULE = {
    "name": "mine",
    "func": "os.system",
    "args": "'touch /tmp/mine'",
    "schedule_type": "O",
    "repeats": "1",
    "next_run_0": "2020-01-01",
    "next_run_1": "00:00:00",
}


@pytest.fixture
def tasks() -> dict[str, Any]:
    """A successful task, a failed task and a schedule."""
    made = {
        name: Task.objects.create(
            id=name, name=name, func="indexing.tasks.refresh", success=name == "success",
            started=timezone.now(), stopped=timezone.now(), result="Kaput",
        )
        for name in ("success", "failure")
    }  # fmt: skip
    return {**made, "schedule": Schedule.objects.create(name="s", func="indexing.tasks.refresh")}


@pytest.fixture(params=["superuser", "staff with every right"])
def operator(request: pytest.FixtureRequest, client: Client, tasks: dict[str, Any]) -> Client:
    user = User.objects.create_user(
        "operator", is_staff=True, is_superuser=request.param == "superuser"
    )
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    return client


def test_no_schedule_can_be_written(operator: Client, tasks: dict[str, Any]) -> None:
    for page, row in (("add", ()), ("change", (tasks["schedule"].pk,))):
        address = reverse(f"admin:django_q_schedule_{page}", args=row)
        for data in (SCHEDULE, {**SCHEDULE, "_saveasnew": "1"}):
            assert operator.post(address, data).status_code == 403

    assert [schedule.func for schedule in Schedule.objects.all()] == ["indexing.tasks.refresh"]


@pytest.mark.parametrize("table", ["success", "failure", "schedule"])
@pytest.mark.parametrize("action", ["resubmit_task", "delete_selected"])
def test_tasks_cannot_be_repeated_or_deleted(
    operator: Client, tasks: dict[str, Any], table: str, action: str
) -> None:
    row = tasks[table].pk
    data = {"action": action, "_selected_action": [row], "post": "yes"}
    operator.post(reverse(f"admin:django_q_{table}_changelist"), data)
    operator.post(reverse(f"admin:django_q_{table}_delete", args=[row]), {"post": "yes"})

    assert (Task.objects.count(), Schedule.objects.count(), OrmQ.objects.count()) == (2, 1, 0)


def test_failed_tasks_are_shown(operator: Client, tasks: dict[str, Any]) -> None:
    page = operator.get(reverse("admin:django_q_failure_changelist")).content.decode()
    assert "Kaput" in page
    page = operator.get(reverse("admin:django_q_failure_change", args=["failure"]))
    assert "Kaput" in page.content.decode()


def test_waiting_tasks_are_not_in_the_console(operator: Client) -> None:
    assert {Success, Failure, Schedule} <= admin.site._registry.keys()
    with pytest.raises(NoReverseMatch):
        reverse("admin:django_q_ormq_changelist")
