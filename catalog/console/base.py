"""Base classes of all admin classes: unfold's if it is installed, else Django's own. They record
every change in the audit log."""

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from catalog.console.audit_log import name_rows, record_request
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence

if apps.is_installed("unfold"):
    from unfold.admin import ModelAdmin as PlainAdmin
    from unfold.admin import StackedInline, TabularInline
    from unfold.widgets import UnfoldAdminFileFieldWidget as FileInput
else:
    from django.contrib.admin import ModelAdmin as PlainAdmin
    from django.contrib.admin import StackedInline, TabularInline
    from django.forms import FileInput

__all__ = [
    "LOOK",
    "AuditedChanges",
    "FileInput",
    "LogPaginator",
    "ModelAdmin",
    "ReadOnlyAdmin",
    "ShownOnceAdmin",
    "StackedInline",
    "TabularInline",
    "require",
]


# The classes of unfold's fields, for fields that a form declares itself
LOOK = (
    "border border-base-200 bg-white rounded-default shadow-xs text-sm px-3 py-2 w-full max-w-2xl"
    " dark:bg-base-900 dark:border-base-700 dark:text-font-default-dark dark:scheme-dark"
)


def require(request: HttpRequest, right: Right) -> None:
    """Raises PermissionDenied if the user does not have the right."""
    if not may(request.user, right):
        raise PermissionDenied


class AuditedChanges:
    """Part of an admin class. Records what its forms and actions change. Actions name the right
    that they need: `permissions=["operate"]` or `["publish"]`."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Right.OPERATE)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Right.PUBLISH)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        record_request(request, "add", name_rows([obj]), str(obj))
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        record_request(request, "change", name_rows([obj]), _describe_changes(message))
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        rows = list(queryset)
        record_request(request, "delete", name_rows(rows), "; ".join(str(row) for row in rows[:10]))
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def tell_done(self, request: HttpRequest, sentence: str) -> None:
        """Shows what an action has done: an English sentence, one of `known_sentences`, in the
        language of the reader. The audit log keeps it. Actions that have done nothing call
        `message_user`."""
        said = getattr(request, "action_said", None)
        if said is not None:
            said.append(sentence)
        self.message_user(request, translate_sentence(sentence))  # type: ignore[attr-defined]

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        chosen = request.POST.getlist("_selected_action")[:100]
        action = request.POST.get("action", "")
        request.action_said = []  # type: ignore[attr-defined]
        response = super().response_action(request, queryset)  # type: ignore[misc]
        said = request.action_said  # type: ignore[attr-defined]
        is_known = action in self.get_actions(request)  # type: ignore[attr-defined]
        if said and is_known and action != "delete_selected" and chosen:
            name = self.opts.verbose_name_raw  # type: ignore[attr-defined]
            record_request(request, action, f"{name} {', '.join(chosen)}", "\n".join(said))
        return response


class CappedCount(int):
    """The number of rows of a list that may have more. Pages show it as 10,000+."""

    def __str__(self) -> str:
        return f"{number_format(int(self), force_grouping=True)}+"


class CappedPaginator(Paginator):
    """Counts at most `most` rows, so that a list costs the same however large its table is. Rows
    beyond are found by filters and searches."""

    most = 100_000
    template_name = "admin/console/_pages.html"

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        number = rows.order_by()[: self.most + 1].count()
        return CappedCount(self.most) if number > self.most else number


class LogPaginator(CappedPaginator):
    """For logs, whose rows are wide and of which the newest matter."""

    most = 10_000


class ModelAdmin(AuditedChanges, PlainAdmin):
    """The base of all admin classes."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Refuses actions that the user may not take. Django would pass over them in silence."""
        action = request.POST.get("action", "")
        is_known = action in (*self.actions, "delete_selected")
        if is_known and action not in self.get_actions(request):
            raise PermissionDenied
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The head of the page tells the number of results only where something is searched for or
        filtered. The foot of the list always does."""
        changes = super().get_changelist_instance(request)
        if not changes.query and not changes.has_active_filters:
            changes.full_result_count = changes.result_count
        return changes


class ShownOnceAdmin(ModelAdmin):
    """Makes rows by a function, which also makes the secret. The page that follows the form shows
    it."""

    def make(self, data: dict[str, Any], by: str) -> tuple[Any, str]:
        """Makes a row from the cleaned data of the form. Returns it and its secret."""
        raise NotImplementedError

    def describe_secret(self, row: Any) -> dict[str, str]:
        """Returns the texts of the page: `title`, `name`, `sentence`, `use`, `header` and
        `back_label`."""
        raise NotImplementedError

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        row = super().save_form(request, form, change)
        if change:
            return row
        made, request.made_secret = self.make(  # type: ignore[attr-defined]
            form.cleaned_data, request.user.get_username()
        )
        return made

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **self.describe_secret(obj),
            "opts": self.opts,
            "secret": request.made_secret,  # type: ignore[attr-defined]
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/console/shown_once.html", context)


class ReadOnlyAdmin(ModelAdmin):
    """An admin whose rows nobody can add, change or delete, not even superusers: only the code
    writes them. Its actions need rights of their own."""

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


def _describe_changes(message: Any) -> str:
    """Returns the names of the changed fields from the message of Django's own log."""
    if isinstance(message, str):
        return message
    parts = []
    for step in message:
        for verb, what in step.items():
            name = what.get("name", "")
            fields = ", ".join(str(field) for field in what.get("fields", ()))
            change = f"{verb} {name}" if name else verb
            parts.append(f"{change}: {fields}" if fields else change)
    return "; ".join(parts)
