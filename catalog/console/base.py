"""Base classes of all admin classes: unfold's if it is installed, else Django's own."""

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

if apps.is_installed("unfold"):
    from unfold.admin import ModelAdmin, StackedInline, TabularInline
    from unfold.widgets import UnfoldAdminFileFieldWidget as FileInput
else:
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline
    from django.forms import FileInput

__all__ = ["FileInput", "ModelAdmin", "ReadOnlyAdmin", "StackedInline", "TabularInline"]


class ReadOnlyAdmin(ModelAdmin):
    """An admin whose rows nobody can add, change or delete, not even superusers: only the code
    writes them. The permission to change rows allows its actions (`permissions=["steer"]`)."""

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
        """Returns the only row chosen for an action. If there is not exactly one, shows a message
        and returns None."""
        rows = list(chosen[:2])
        if len(rows) == 1:
            return rows[0]
        sentence = _("Choose one row.") if rows else self.gone_sentence()
        self.message_user(request, sentence, messages.WARNING)
        return None

    def gone_sentence(self) -> str:
        return _("This row no longer exists: somebody has deleted it.")
