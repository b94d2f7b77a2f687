"""Products, categories and tags in the console; what was searched for, and learnt from it."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from catalog.admin_base import ModelAdmin, ReadOnlyAdmin, TabularInline
from catalog.models import (
    Category,
    ClickRate,
    LoggedSearch,
    Product,
    ProductImage,
    ProductTag,
    Reranker,
    Tag,
)


class ProductImageInline(TabularInline):
    model = ProductImage
    extra = 0
    fields = ("position", "file", "preview")
    readonly_fields = ("preview",)

    @admin.display(description="photo")
    def preview(self, image: ProductImage) -> str:
        return thumbnail(image)


class ProductTagInline(TabularInline):
    """What the offline side gave; it would overwrite what were typed here."""

    model = ProductTag
    extra = 0
    fields = ("tag", "score")
    readonly_fields = ("tag", "score")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Product)
class ProductAdmin(ModelAdmin):
    list_display = ("photo", "sku", "title", "category", "price", "in_stock", "is_visible")
    list_display_links = ("photo", "sku")
    list_filter = ("category", "in_stock", "is_visible", "brand")
    search_fields = ("sku", "title", "title_ru")
    autocomplete_fields = ("category",)
    readonly_fields = ("created_at", "updated_at")
    exclude = ("text_hash", "search_document")
    inlines = (ProductImageInline, ProductTagInline)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).select_related("category").prefetch_related("images")

    @admin.display(description="")
    def photo(self, product: Product) -> str:
        images = list(product.images.all())
        return thumbnail(images[0]) if images else "–"


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    list_display = ("name", "name_ru", "slug", "parent")
    search_fields = ("name", "name_ru", "slug")
    autocomplete_fields = ("parent",)
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    list_display = ("name", "name_ru", "slug", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "name_ru", "slug")
    prepopulated_fields = {"slug": ("name",)}


@admin.register(LoggedSearch)
class LoggedSearchAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "results", "offset", "filtered", "total_ms", "query_id")
    list_filter = ("kind", "filtered")
    search_fields = ("query_id",)
    list_per_page = 50

    @admin.display(description="results")
    def results(self, search: LoggedSearch) -> int:
        return len(search.products)

    @admin.display(description="ms")
    def total_ms(self, search: LoggedSearch) -> float | None:
        return search.timings_ms.get("total")


@admin.register(ClickRate)
class ClickRateAdmin(ReadOnlyAdmin):
    list_display = ("product_id", "clicks", "expected", "rate")
    search_fields = ("product_id",)


@admin.register(Reranker)
class RerankerAdmin(ReadOnlyAdmin):
    """What was learnt from clicks; any of them can be made to rank, or none."""

    list_display = ("id", "created_at", "is_active", "figures", "weights")
    actions = ("activate", "deactivate")

    @admin.action(description="Let it rank", permissions=["steer"])
    def activate(self, request: HttpRequest, chosen: QuerySet[Reranker]) -> None:
        reranker = chosen.first()
        if chosen.count() != 1 or reranker is None:
            self.message_user(request, "Choose one.", messages.WARNING)
            return
        with transaction.atomic():
            Reranker.objects.filter(is_active=True).update(is_active=False)
            Reranker.objects.filter(pk=reranker.pk).update(is_active=True)
        self.message_user(request, f"Reranker {reranker.pk} ranks within seconds.")

    @admin.action(description="Let the formula rank again", permissions=["steer"])
    def deactivate(self, request: HttpRequest, chosen: QuerySet[Reranker]) -> None:
        chosen.filter(is_active=True).update(is_active=False)
        self.message_user(request, "The formula of the settings ranks within seconds.")


def thumbnail(image: ProductImage) -> str:
    """A small picture of a photo, or a dash where there is no file yet."""
    if not image.file:
        return "–"
    return format_html('<img src="{}" width="56" height="56" alt="">', image.file.url)
