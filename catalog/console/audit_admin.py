"""The audit log in the console: everybody who may look at it can, and nobody can change it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import LogPaginator, ReadOnlyAdmin
from catalog.console.stored_sentences import translate_sentence
from catalog.console.translated_names import known_actions, name_action, name_detail, name_target
from catalog.models import AuditEntry


class ActionFilter(admin.SimpleListFilter):
    """Entries of an action, by its name in the language of the reader."""

    title = _lazy("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(words[0], name) for name, words in known_actions().items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        same = next((words for words in known_actions().values() if chosen in words), [chosen])
        return queryset.filter(action__in=same) if chosen else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "what", "on", "said")
    list_filter = ("at", ActionFilter)
    fields = list_display
    paginator = LogPaginator
    search_fields = ("by", "target", "detail")

    @admin.display(description=_lazy("action"), ordering="action")
    def what(self, entry: AuditEntry) -> str:
        return name_action(entry.action)

    @admin.display(description=_lazy("on"), ordering="target")
    def on(self, entry: AuditEntry) -> str:
        return name_target(entry.target)

    @admin.display(description=_lazy("detail"))
    def said(self, entry: AuditEntry) -> str:
        return "\n".join(name_detail(translate_sentence(said)) for said in entry.detail.split("\n"))
