"""What the admin classes are built on: unfold's where it is installed, else Django's own."""

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

if apps.is_installed("unfold"):
    from unfold.admin import ModelAdmin, StackedInline, TabularInline
else:
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline

__all__ = ["ModelAdmin", "ReadOnlyAdmin", "StackedInline", "TabularInline"]


class ReadOnlyAdmin(ModelAdmin):
    """A ledger: rows are written by the code, and read here, by superusers too. The right to change
    its rows is the right to use its actions (`permissions=["steer"]`), and no other."""

    def has_steer_permission(self, request: HttpRequest) -> bool:
        codename = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_chosen_row(self, request: HttpRequest, chosen: QuerySet[Any]) -> Any:
        """The one row that was chosen for an action; None, and a message, where it is not one."""
        rows = list(chosen[:2])
        if len(rows) == 1:
            return rows[0]
        self.message_user(request, _("Choose one.") if rows else self.gone(), messages.WARNING)
        return None

    def gone(self) -> str:
        return _("This is gone: somebody has deleted it.")
