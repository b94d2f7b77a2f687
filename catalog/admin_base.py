"""What the admin classes are built on: unfold's where it is installed, else Django's own."""

from typing import Any

from django.apps import apps
from django.http import HttpRequest

if apps.is_installed("unfold"):
    from unfold.admin import ModelAdmin, TabularInline
else:
    from django.contrib.admin import ModelAdmin, TabularInline

__all__ = ["ModelAdmin", "ReadOnlyAdmin", "TabularInline"]


class ReadOnlyAdmin(ModelAdmin):
    """A ledger: rows are written by the code, and read here. Its actions are for those who may
    start runs."""

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("indexing.add_indexingrun")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
