"""The addresses of photos in the console: which were fetched, which failed, and why."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import ReadOnlyAdmin
from catalog.console.stored_sentences import translate_sentence
from catalog.models import ImageAddress
from indexing.models import IndexingRun
from indexing.tasks import start_queued_run

MAX_SHOWN_PRODUCTS = 3


@admin.register(ImageAddress)
class ImageAddressAdmin(ReadOnlyAdmin):
    """Every address once. An address that was given up is fetched again when an import names it or
    an operator asks for it."""

    list_display = ("link", "host", "state", "why", "attempts", "next_at", "products")
    list_filter = ("state", "host")
    search_fields = ("address", "error")
    actions = ("fetch_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageAddress]:
        return super().get_queryset(request).prefetch_related("addressed_images__product")

    @admin.display(description=_lazy("address"), ordering="address")
    def link(self, address: ImageAddress) -> str:
        return format_html(
            '<a href="{}" rel="noreferrer">{}</a>', address.address, address.address[:100]
        )

    @admin.display(description=_lazy("error"), ordering="error")
    def why(self, address: ImageAddress) -> str:
        return translate_sentence(address.error) or "–"

    @admin.display(description=_lazy("products"))
    def products(self, address: ImageAddress) -> str:
        images = address.addressed_images.all()
        named = sorted({(image.product.sku, image.product_id) for image in images})
        shown = format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            (
                (reverse("admin:catalog_product_change", args=[pk]), sku)
                for sku, pk in named[:MAX_SHOWN_PRODUCTS]
            ),
        )
        return format_html("{}, …", shown) if len(named) > MAX_SHOWN_PRODUCTS else shown

    @admin.action(description=_lazy("Fetch again now"), permissions=["operate"])
    def fetch_again(self, request: HttpRequest, chosen: QuerySet[ImageAddress]) -> None:
        number = ImageAddress.objects.filter(pk__in=chosen.values("pk")).request_again()
        if number:
            start_queued_run(IndexingRun.Kind.FETCH, request.user.get_username())
        self.tell_done(request, f"Photos to fetch again: {number}.")
