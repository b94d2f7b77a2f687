"""Factor models in the console: their figures, and actions that publish and roll back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import ReadOnlyAdmin, require
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence
from catalog.models import FactorModel
from indexing.console.encoders.history_page import show_history
from indexing.generations.publishing import PublishingError
from indexing.recommendations.factor_publishing import publish_factors, roll_back_factors


@admin.register(FactorModel)
class FactorModelAdmin(ReadOnlyAdmin):
    """What was learned from the history, with the figures of the held-out days. The actions call
    the same functions as the command."""

    list_display = (
        *("id", "state", "created_at", "published_at", "recall", "popular_recall", "looks_recall"),
        *("coverage", "graph_recall", "shoppers", "products", "shown_note"),
    )
    list_filter = ("state",)
    fields = (*list_display, "dimensions", "encoder")
    actions = ("publish", "roll_back")
    change_list_template = "admin/catalog/factormodel/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [path("history/", wrap(self.history), name="recommendation_history")]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_publish": may(request.user, Right.PUBLISH), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def history(self, request: HttpRequest) -> HttpResponse:
        """What recommendations learn from, how fresh the model is, and what it reaches."""
        require(request, Right.VIEW)
        return show_history(request, self)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FactorModel]:
        return super().get_queryset(request).defer("gram_bytes", "ridge_bytes")

    @admin.display(description="recall@20")
    def recall(self, model: FactorModel) -> str:
        return _figure(model, "factors", "recall")

    @admin.display(description=_lazy("recall@20 of popular products"))
    def popular_recall(self, model: FactorModel) -> str:
        return _figure(model, "popularity", "recall")

    @admin.display(description=_lazy("recall@20 by looks"))
    def looks_recall(self, model: FactorModel) -> str:
        return _figure(model, "looks", "recall")

    @admin.display(description=_lazy("share of products recommended"))
    def coverage(self, model: FactorModel) -> str:
        return _figure(model, "factors", "coverage")

    @admin.display(description=_lazy("recall@20 of the graph"))
    def graph_recall(self, model: FactorModel) -> str:
        return _shown(model.figures.get("graph_recall"))

    @admin.display(description=_lazy("shoppers"))
    def shoppers(self, model: FactorModel) -> int | None:
        return model.figures.get("shoppers")

    @admin.display(description=_lazy("products with a history"))
    def products(self, model: FactorModel) -> int | None:
        return model.figures.get("learned_products")

    @admin.display(description=_lazy("note"))
    def shown_note(self, model: FactorModel) -> str:
        return translate_sentence(model.note) or "–"

    @admin.action(description=_lazy("Publish: recommend by this model"), permissions=["publish"])
    def publish(self, request: HttpRequest, chosen: QuerySet[FactorModel]) -> None:
        if (model := self.get_chosen_row(request, chosen)) is not None:
            self._attempt(request, partial(publish_factors, model))

    @admin.action(
        description=_lazy("Roll back: recommend by the model before (ignores the chosen row)"),
        permissions=["publish"],
    )
    def roll_back(self, request: HttpRequest, chosen: QuerySet[FactorModel]) -> None:
        self._attempt(request, roll_back_factors)

    def _attempt(self, request: HttpRequest, act: Callable[[], FactorModel]) -> None:
        try:
            live = act()
        except PublishingError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.tell_done(request, f"Factor model {live.pk} is live.")


def _figure(model: FactorModel, ranking: str, name: str) -> str:
    return _shown(model.figures.get(ranking, {}).get(name))


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
