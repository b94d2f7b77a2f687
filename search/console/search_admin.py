"""Logged searches in the console: the list with pictures, analytics, the export, and the pages that
try a query."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import require
from catalog.console.logged_searches import LoggedSearchAdmin
from catalog.console.rights import Right
from catalog.console.translated_names import name_match, name_search_kind, name_search_stage
from catalog.importing.history.csv_tables import table_lines
from catalog.models import Event, LoggedSearch, Product
from catalog.product_cards import ProductCard, read_product_cards
from search.console.analytics import MAX_SEARCHES, analyse, export_rows
from search.console.query_page import show_query, show_standing
from search.events.search_log import photo_path

DAYS = (1, 7, 30)
SHOWN = 4  # results of each search, as pictures

admin.site.unregister(LoggedSearch)


class OutcomeFilter(admin.SimpleListFilter):
    """Searches that found nothing, or nothing good."""

    title = _lazy("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("empty", _("no results")),
            ("weak", _("weak results only")),
            ("similar", _("similar results")),
            ("exact", _("exact results")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "empty":
            return queryset.filter(best_match="", products=[])
        return queryset.filter(best_match=chosen) if chosen else queryset


class NamedFilter(admin.SimpleListFilter):
    """Values of a field that are known, so that the page need not look for them in the whole
    log."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(**{self.parameter_name or "": chosen}) if chosen else queryset


class KindFilter(NamedFilter):
    title, parameter_name = _lazy("kind"), "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, name_search_kind(kind)) for kind in ("photo", "text", "product", "mixed")]


class SortFilter(NamedFilter):
    title, parameter_name = _lazy("sort"), "sort"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("relevance", _("Best match")),
            ("price", _("Price: low to high")),
            ("-price", _("Price: high to low")),
            ("-created", _("Newest")),
        ]


@admin.register(LoggedSearch)
class IllustratedSearchAdmin(LoggedSearchAdmin):
    list_display = (
        *("at", "kind_name", "words", "photo", "first_results", "results", "best", "clicks"),
        *("wrong", "filtered", "offset", "total_ms", "query_id"),
    )
    list_display_links = ("at", "query_id")
    list_filter = (KindFilter, OutcomeFilter, "filtered", SortFilter, "at")
    search_fields = ("query_id__exact", "words")
    change_list_template = "admin/catalog/loggedsearch/change_list.html"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Reads the products and events of a page in two queries."""
        page = super().get_changelist_instance(request)
        rows = list(page.result_list)
        cards = read_product_cards(sorted({pk for row in rows for pk in row.products[:SHOWN]}))
        events = Event.objects.filter(query_id__in=[row.query_id for row in rows])
        told = Counter(events.values_list("query_id", "type")[:10_000])
        for row in rows:
            row.cards = [cards[pk] for pk in row.products[:SHOWN] if pk in cards]
            row.told = {kind: told[row.query_id, kind] for kind in ("click", "wrong")}
            row.has_photo = bool(settings.SEARCH_LOG_PHOTO_DAYS) and (
                photo_path(row.query_id).exists()
            )
        page.result_list = rows
        return page

    @admin.display(description=_lazy("kind"), ordering="kind")
    def kind_name(self, search: LoggedSearch) -> str:
        return name_search_kind(search.kind)

    @admin.display(description=_lazy("best match"), ordering="best_match")
    def best(self, search: LoggedSearch) -> str:
        return name_match(search.best_match) or "–"

    @admin.display(description=_lazy("photo"))
    def photo(self, search: Any) -> str:
        if not getattr(search, "has_photo", False):
            return "–"
        address = reverse("admin:search_photo", args=[search.query_id])
        return format_html('<img src="{}" width="48" height="48" alt="">', address)

    @admin.display(description=_lazy("first results"))
    def first_results(self, search: Any) -> str:
        cards: list[ProductCard] = getattr(search, "cards", [])
        shown = format_html_join(
            "",
            '<a href="{}" title="{}"><img src="{}" width="40" height="40" alt="{}"></a>',
            (
                (
                    reverse("admin:catalog_product_change", args=[c.pk]),
                    c.label,
                    c.photo_url,
                    c.label,
                )
                for c in cards
                if c.photo_url
            ),
        )
        return format_html('<span class="flex gap-1">{}</span>', shown) if shown else "–"

    @admin.display(description=_lazy("clicks"))
    def clicks(self, search: Any) -> int:
        return getattr(search, "told", {}).get("click", 0)

    @admin.display(description=_lazy("marked wrong"))
    def wrong(self, search: Any) -> int:
        return getattr(search, "told", {}).get("wrong", 0)

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("analytics/", wrap(self.show_analytics), name="search_analytics"),
            path("export.csv", wrap(self.export), name="search_export"),
            path("try/", wrap(self.try_query), name="try_query"),
            path("standing/<int:product_id>/", wrap(self.where_it_stands), name="where_it_stands"),
            path("<slug:query_id>/photo/", wrap(self.send_photo), name="search_photo"),
        ]
        return own + super().get_urls()

    def show_analytics(self, request: HttpRequest) -> HttpResponse:
        """What was searched for, how well it was found, and what was opened."""
        require(request, Right.VIEW)
        days = _days(request)
        analytics = analyse(days)
        context = {
            **self.admin_site.each_context(request),
            "title": _("What is searched for"),
            "opts": self.opts,
            "days": days,
            "all_days": DAYS,
            "analytics": analytics,
            "stages": [(name_search_stage(name), *ms) for name, *ms in analytics.stages],
            "most": MAX_SEARCHES,
            "keeps_words": bool(settings.SEARCH_LOG_WORDS_DAYS),
            "keeps_log": bool(settings.SEARCH_LOG_DAYS),
        }
        return TemplateResponse(request, "admin/catalog/loggedsearch/analytics.html", context)

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Sends the newest searches as CSV."""
        require(request, Right.VIEW)
        days = _days(request)
        response = StreamingHttpResponse(
            table_lines(export_rows(days)), content_type="text/csv; charset=utf-8"
        )
        name = f"searches-{days}-days.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def try_query(self, request: HttpRequest) -> HttpResponse:
        """Shows each step of a search by a photo, by words or by both."""
        require(request, Right.VIEW)
        return show_query(request, self)

    def where_it_stands(self, request: HttpRequest, product_id: int) -> HttpResponse:
        """Shows the place of a product in the results of a search, and what stands above it."""
        require(request, Right.VIEW)
        product = Product.objects.filter(pk=product_id).first()
        if product is None:
            raise Http404
        return show_standing(request, self, product)

    def send_photo(self, request: HttpRequest, query_id: str) -> HttpResponseBase:
        """Sends the photo of a logged search, if it was kept."""
        require(request, Right.VIEW)
        if not query_id.isalnum() or not LoggedSearch.objects.filter(pk=query_id).exists():
            raise Http404
        try:
            file = photo_path(query_id).open("rb")
        except OSError as error:
            raise Http404 from error
        response = FileResponse(file, content_type="image/jpeg")
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response.headers["Cache-Control"] = "private, no-store"
        return response


def _days(request: HttpRequest) -> int:
    given = request.GET.get("days", "")
    return int(given) if given in map(str, DAYS) else 7
