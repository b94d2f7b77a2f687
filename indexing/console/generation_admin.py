"""Generations in the console: the list, two of them side by side, and the pages that publish,
reject and roll back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.audit_log import record_request
from catalog.console.base import ReadOnlyAdmin, require
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence
from catalog.models import Generation
from indexing.console.comparison_page import show_comparison
from indexing.console.question_page import ask
from indexing.generations import publishing
from indexing.generations.decisions import (
    describe_keeping,
    describe_publishing,
    describe_roll_back,
)
from indexing.models import IndexEvaluation
from indexing.quality.generation_self_test import describe_self_test

LIST = "admin:catalog_generation_changelist"


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    """The generations of the index. The pages call the same functions as the commands."""

    list_display = (
        *("id", "state", "encoder", "query_encoder", "images", "products", "graph_recall"),
        *("self_test", "published_at", "shown_note"),
    )
    list_filter = ("state",)
    change_list_template = "admin/catalog/generation/change_list.html"
    actions = ("publish", "roll_back")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        generations = super().get_queryset(request)
        return (
            generations.select_related("encoder", "query_adapter__query_encoder")
            .defer("nothing_vectors", "query_adapter__parameters", "query_adapter__nothing_vectors")
            .prefetch_related("evaluations")
        )

    @admin.display(description=_lazy("queries encoded by"))
    def query_encoder(self, generation: Generation) -> str:
        return str(generation.query_encoder) if generation.query_adapter else "–"

    @admin.display(description="recall@20", ordering="recall_at_20")
    def graph_recall(self, generation: Generation) -> str:
        recall = generation.recall_at_20
        return "–" if recall is None else f"{recall:.3f}"

    @admin.display(description=_lazy("self-test"))
    def self_test(self, generation: Generation) -> str:
        evaluation = next(iter(generation.evaluations.all()), None)
        return describe_self_test(evaluation.figures.get("self_test")) if evaluation else "–"

    @admin.display(description=_lazy("note"))
    def shown_note(self, generation: Generation) -> str:
        return translate_sentence(generation.note) or "–"

    @admin.action(description=_lazy("Publish: make this generation live"), permissions=["publish"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Generation]) -> None:
        if (generation := self.get_chosen_row(request, chosen)) is not None:
            self._attempt(request, partial(publishing.publish_generation, generation))

    @admin.action(
        description=_lazy("Roll back: undo the last switch (ignores the chosen row)"),
        permissions=["publish"],
    )
    def roll_back(self, request: HttpRequest, chosen: QuerySet[Generation]) -> None:
        self._attempt(request, publishing.roll_back)

    def _attempt(self, request: HttpRequest, act: Callable[[], Generation]) -> bool:
        try:
            live = act()
        except publishing.PublishingError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        self.tell_done(request, f"Generation {live.pk} is live.")
        return True

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("compare/", wrap(self.compare), name="generations_compare"),
            path("roll-back/", wrap(self.confirm_roll_back), name="generation_roll_back"),
            path("<int:object_id>/publish/", wrap(self.confirm_publish), name="generation_publish"),
            path("<int:object_id>/reject/", wrap(self.confirm_reject), name="generation_reject"),
            path("<int:object_id>/keep/", wrap(self.confirm_keeping), name="generation_keep"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_publish": may(request.user, Right.PUBLISH), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def compare(self, request: HttpRequest) -> HttpResponse:
        """Two generations side by side, with what each finds for the same photos."""
        require(request, Right.VIEW)
        return show_comparison(request, self)

    def confirm_publish(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says what publishing a generation does, with a button that does it."""
        generation = self._find(request, object_id)
        if request.method != "POST":
            title = _("Publish generation %(number)s?") % {"number": generation.pk}
            return self._ask(
                request, title, describe_publishing(generation), "publish", _("Publish")
            )
        if self._attempt(request, partial(publishing.publish_generation, generation)):
            record_request(request, "publish", f"generation {generation.pk}")
        return HttpResponseRedirect(reverse(LIST))

    def confirm_reject(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says what rejecting a generation does, with a button that does it."""
        generation = self._find(request, object_id)
        if request.method != "POST":
            title = _("Reject generation %(number)s?") % {"number": generation.pk}
            plan = [
                _(
                    "It does not go live by itself, and its vectors are removed when a later one is"
                    " published. Its figures stay. Searches do not change."
                ),
            ]
            return self._ask(request, title, plan, "reject", _("Reject"))
        try:
            publishing.reject_generation(generation)
        except publishing.PublishingError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            record_request(request, "reject", f"generation {generation.pk}")
            self.message_user(
                request, _("Generation %(number)s is rejected.") % {"number": generation.pk}
            )
        return HttpResponseRedirect(reverse(LIST))

    def confirm_keeping(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says what keeping a generation that is worse than the one before means, with a button
        that does it."""
        generation = self._find(request, object_id)
        if request.method != "POST":
            title = _("Keep generation %(number)s?") % {"number": generation.pk}
            return self._ask(request, title, describe_keeping(generation), "keep", _("Keep"))
        try:
            publishing.keep_generation(generation)
        except publishing.PublishingError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            record_request(request, "keep", f"generation {generation.pk}")
            self.message_user(
                request, _("Generation %(number)s stays live.") % {"number": generation.pk}
            )
        return HttpResponseRedirect(reverse(LIST))

    def confirm_roll_back(self, request: HttpRequest) -> HttpResponse:
        """Says what a roll back would undo, with a button that does it."""
        require(request, Right.PUBLISH)
        is_done = request.method == "POST"
        try:
            # The audit log keeps sentences in English.
            with override("en" if is_done else get_language()):
                plan = describe_roll_back()
        except publishing.PublishingError as error:
            self.message_user(request, str(error), messages.WARNING)
            return HttpResponseRedirect(reverse(LIST))
        if not is_done:
            return self._ask(request, _("Roll back?"), plan, "roll_back", _("Roll back"))
        if self._attempt(request, publishing.roll_back):
            record_request(request, "roll back", "live index", "\n".join(plan))
        return HttpResponseRedirect(reverse(LIST))

    def _find(self, request: HttpRequest, pk: int) -> Generation:
        require(request, Right.PUBLISH)
        generation = Generation.objects.select_related("encoder").filter(pk=pk).first()
        if generation is None:
            raise Http404
        return generation

    def _ask(
        self, request: HttpRequest, title: str, plan: list[str], name: str, label: str
    ) -> HttpResponse:
        back = _("Back to the generations")
        return ask(request, self, title, plan, [(name, label)], reverse(LIST), back)


@admin.register(IndexEvaluation)
class IndexEvaluationAdmin(ReadOnlyAdmin):
    """The figures of each generation, and whether it passed its gates."""

    list_display = ("id", "generation", "queries", "recall_at_20", "passed", "created_at")
