"""The admin class of tags. An operator accepts or refuses the words that imports propose."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Func, JSONField, OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.console.base import ModelAdmin
from catalog.console.product_photos import render_thumbnail
from catalog.models import Generation, ProductImage, Tag, TagCalibration


def read_first_photos(products: Sequence[int]) -> dict[int, ProductImage]:
    """Returns the first photo of each product that has one."""
    images = ProductImage.objects.filter(product__in=products).order_by("-position")
    return {image.product_id: image for image in images}


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    """The vocabulary. Each of the two actions undoes the other."""

    list_display = (
        *("name", "name_ru", "state", "products", "example_products", "on_photos", "slug"),
    )
    list_display_links = ("name", "name_ru", "slug")
    list_filter = ("state",)
    search_fields = ("name", "name_ru", "slug")
    ordering = ("-products", "slug")
    readonly_fields = ("products", "example_products", "on_photos")
    exclude = ("examples",)
    prepopulated_fields = {"slug": ("name",)}
    actions = ("accept", "refuse")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method == "GET" and (number := Tag.objects.proposed().count()):
            sentence = _("Words of the catalogue that are proposed as tags: %(number)s.")
            self.message_user(request, sentence % {"number": number})
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        live = TagCalibration.objects.filter(encoder__generation__state=Generation.State.LIVE)
        key = Cast(OuterRef("pk"), TextField())
        of_tag = Func(F("figures"), key, function="jsonb_extract_path", output_field=JSONField())
        figures = Subquery(live.values(of_tag=of_tag)[:1])
        return super().get_queryset(request).annotate(figures=figures)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Reads the photos of the examples of a page in one query."""
        page = super().get_changelist_instance(request)
        rows = list(page.result_list)
        photos = read_first_photos([pk for tag in rows for pk in tag.examples])
        for tag in rows:
            tag.shown_examples = {pk: photos[pk] for pk in tag.examples if pk in photos}
        page.result_list = rows
        return page

    @admin.display(description=gettext_lazy("on photos"))
    def on_photos(self, tag: Any) -> str:
        """Returns how often the tag is right on photos of the catalogue."""
        figures = getattr(tag, "figures", None)
        if figures is None:
            return "–"
        if figures["threshold"] is None:
            return _("not given to photos")
        if figures["share"] is None:
            return _("rarely given to photos")
        values = {
            "threshold": f"{figures['threshold']:.2f}",
            "share": f"{figures['share']:.0%}",
            "found": f"{figures['found']:.0%}",
        }
        return _("from a score of %(threshold)s: %(share)s right, found on %(found)s") % values

    @admin.display(description=gettext_lazy("examples"))
    def example_products(self, tag: Any) -> str:
        shown = getattr(tag, "shown_examples", None)
        first = read_first_photos(tag.examples) if shown is None else shown
        links = format_html_join(
            "",
            '<a class="shrink-0" href="{}">{}</a>',
            (
                (
                    reverse("admin:catalog_product_change", args=[pk]),
                    render_thumbnail(photo, str(pk)),
                )
                for pk, photo in sorted(first.items())
            ),
        )
        return format_html(
            '<span class="flex gap-1" style="min-width: max-content">{}</span>', links
        )

    @admin.action(description=gettext_lazy("Accept as tags"), permissions=["change"])
    def accept(self, request: HttpRequest, chosen: QuerySet[Tag]) -> None:
        self._decide(request, chosen, Tag.State.ACCEPTED)

    @admin.action(description=gettext_lazy("Refuse as tags"), permissions=["change"])
    def refuse(self, request: HttpRequest, chosen: QuerySet[Tag]) -> None:
        self._decide(request, chosen, Tag.State.REFUSED)

    def _decide(self, request: HttpRequest, chosen: QuerySet[Tag], state: Tag.State) -> None:
        changed = chosen.exclude(state=state).update(state=state)
        if changed:
            sentence = f"Tags changed: {changed}. The products follow at the next refresh."
            self.tell_done(request, sentence)
        else:
            sentence = _("Nothing to do: the chosen tags are in this state already.")
            self.message_user(request, sentence, messages.WARNING)
