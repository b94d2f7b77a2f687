"""Admin classes for logged searches, events, click rates, bursts of clicks and rerankers."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.console.base import LogPaginator, ReadOnlyAdmin
from catalog.models import ClickBurst, ClickRate, Event, LoggedSearch, Reranker
from catalog.models.feedback import TOTAL_MS
from catalog.reranking import RerankingError, activate_reranker, withdraw_reranker


@admin.register(LoggedSearch)
class LoggedSearchAdmin(ReadOnlyAdmin):
    list_display: Any = (
        "at",
        "kind",
        "results",
        "offset",
        "filtered",
        "sort",
        "total_ms",
        "query_id",
    )
    list_filter: Any = ("kind", "filtered", "sort")
    search_fields: Any = ("=query_id",)
    paginator = LogPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoggedSearch]:
        return super().get_queryset(request).defer("features")

    @admin.display(description=gettext_lazy("results"))
    def results(self, search: LoggedSearch) -> int:
        return len(search.products)

    @admin.display(description=gettext_lazy("duration, ms"), ordering=TOTAL_MS)
    def total_ms(self, search: LoggedSearch) -> float | None:
        return search.timings_ms.get("total")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "type", "product", "query_id", "channel")
    list_filter = ("type", "channel")
    fields = (*list_display, "shopper")
    search_fields = ("=product_id", "=query_id")
    paginator = LogPaginator

    @admin.display(description=gettext_lazy("product"), ordering="product_id")
    def product(self, event: Event) -> str:
        return link_to_product(event.product_id)

    @admin.display(description=gettext_lazy("user or session"))
    def shopper(self, event: Event) -> str:
        return shorten_sender(event.user or event.session) or "–"


def shorten_sender(name: str) -> str:
    """Returns the beginning of the name of a user or a session. All of it opens their history."""
    return f"{name[: min(6, len(name) // 3)]}…" if name else ""


@admin.register(ClickRate)
class ClickRateAdmin(ReadOnlyAdmin):
    list_display = ("product", "clicks", "expected_clicks", "shown_rate")
    search_fields = ("=product_id",)

    @admin.display(description=gettext_lazy("product"), ordering="product_id")
    def product(self, rate: ClickRate) -> str:
        return link_to_product(rate.product_id)

    @admin.display(description=gettext_lazy("expected clicks"), ordering="expected")
    def expected_clicks(self, rate: ClickRate) -> float:
        return round(rate.expected, 1)

    @admin.display(description=gettext_lazy("rate"), ordering="rate")
    def shown_rate(self, rate: ClickRate) -> float:
        return round(rate.rate, 3)


@admin.register(ClickBurst)
class ClickBurstAdmin(ReadOnlyAdmin):
    """Bursts of clicks with their reasons. An operator decides whether the clicks count."""

    list_display = ("day", "reason", "source", "clicks", "decision", "found_at")
    list_filter = ("decision", "reason")
    search_fields = ("=product_id", "=origin")
    actions = ("count", "leave_out")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        undecided = ClickBurst.objects.undecided()
        if request.method == "GET" and (clicks := undecided.clicks()):
            self.message_user(
                request,
                _("Clicks set aside until an operator decides: %(number)s.") % {"number": clicks},
            )
        return super().changelist_view(request, extra_context)

    @admin.display(description=gettext_lazy("address or product"))
    def source(self, burst: ClickBurst) -> str:
        if burst.product_id:
            return link_to_product(burst.product_id)
        return _("hashed address %(hash)s") % {"hash": burst.origin[:8]}

    @admin.action(description=gettext_lazy("Count these clicks"), permissions=["operate"])
    def count(self, request: HttpRequest, chosen: QuerySet[ClickBurst]) -> None:
        self._decide(request, chosen, ClickBurst.Decision.COUNT)

    @admin.action(description=gettext_lazy("Leave these clicks out"), permissions=["operate"])
    def leave_out(self, request: HttpRequest, chosen: QuerySet[ClickBurst]) -> None:
        self._decide(request, chosen, ClickBurst.Decision.LEAVE_OUT)

    def _decide(self, request: HttpRequest, chosen: QuerySet[ClickBurst], decision: str) -> None:
        chosen.update(decision=decision)
        self.tell_done(request, "Saved. The decision takes effect at the next training.")


@admin.register(Reranker)
class RerankerAdmin(ReadOnlyAdmin):
    """Weights learnt from clicks. An operator can activate any reranker, or none."""

    list_display = (
        *("id", "created_at", "is_active", "ndcg", "ndcg_formula", "doubt", "pages"),
        *("learnt", "withdrawn"),
    )
    list_filter = ("is_active",)
    actions = ("activate", "withdraw")

    @admin.display(description="NDCG")
    def ndcg(self, reranker: Reranker) -> float | None:
        return reranker.figures.get("ndcg")

    @admin.display(description=gettext_lazy("NDCG of the formula"))
    def ndcg_formula(self, reranker: Reranker) -> float | None:
        return reranker.figures.get("ndcg_formula")

    @admin.display(description=gettext_lazy("chance of no gain"))
    def doubt(self, reranker: Reranker) -> float | None:
        return reranker.figures.get("doubt")

    @admin.display(description=gettext_lazy("pages with clicks"))
    def pages(self, reranker: Reranker) -> int | None:
        return reranker.figures.get("pages")

    @admin.display(description=gettext_lazy("weights"))
    def learnt(self, reranker: Reranker) -> str:
        return ", ".join(f"{name} {value:+.3f}" for name, value in reranker.weights.items()) or "–"

    @admin.action(description=gettext_lazy("Activate this reranker"), permissions=["publish"])
    def activate(self, request: HttpRequest, chosen: QuerySet[Reranker]) -> None:
        if (reranker := self.get_chosen_row(request, chosen)) is None:
            return
        try:
            activate_reranker(reranker)
        except RerankingError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.tell_done(request, f"Reranker {reranker.pk} takes effect within seconds.")

    @admin.action(
        description=gettext_lazy("Deactivate: rank by the formula (ignores the chosen row)"),
        permissions=["publish"],
    )
    def withdraw(self, request: HttpRequest, chosen: QuerySet[Reranker]) -> None:
        if withdraw_reranker():
            sentence = "The formula from the settings takes effect within seconds."
            self.tell_done(request, sentence)
        else:
            self.message_user(
                request,
                _("No reranker is active: the formula already ranks the results."),
                messages.WARNING,
            )


def link_to_product(product_id: int) -> str:
    address = reverse("admin:catalog_product_change", args=[product_id])
    return format_html('<a href="{}">{}</a>', address, product_id)
