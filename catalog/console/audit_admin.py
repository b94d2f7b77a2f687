"""The audit log in the console: everybody who may look at it can, and nobody can change it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import LogPaginator, ReadOnlyAdmin
from catalog.console.translated_names import name_action, name_target
from catalog.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "what", "on", "detail")
    list_filter = ("at", "action")
    paginator = LogPaginator
    search_fields = ("by", "target", "detail")

    @admin.display(description=_lazy("action"), ordering="action")
    def what(self, entry: AuditEntry) -> str:
        return name_action(entry.action)

    @admin.display(description=_lazy("on"), ordering="target")
    def on(self, entry: AuditEntry) -> str:
        return name_target(entry.target)
