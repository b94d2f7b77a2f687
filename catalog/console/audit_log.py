"""The audit log: who changed what, and when. Its admin shows it read-only, to superusers too."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from catalog.models import AuditEntry

MAX_NAMED = 10  # rows that one entry names; more are counted


def record(by: str, action: str, target: str = "", detail: str = "") -> None:
    """Records a change. `by`: the name of a user, or `command_operator`."""
    AuditEntry.objects.create(
        by=by[:200], action=action[:100], target=target[:500], detail=detail[:5000]
    )


def record_request(request: HttpRequest, action: str, target: str = "", detail: str = "") -> None:
    """Records a change that the user of this request made."""
    record(request.user.get_username() or "–", action, target, detail)


def name_rows(rows: Iterable[Any]) -> str:
    """Returns the names of rows, such as `run 3, run 4`, as the target of an entry."""
    named = [f"{row._meta.verbose_name_raw} {row.pk}" for row in rows]
    more = f" … (+{len(named) - MAX_NAMED})" if len(named) > MAX_NAMED else ""
    return ", ".join(named[:MAX_NAMED]) + more
