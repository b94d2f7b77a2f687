"""Products, categories and tags in the console."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from catalog import search_log_admin  # noqa: F401  (registers its lists)
from catalog.admin_base import ModelAdmin, TabularInline
from catalog.models import Category, Product, ProductImage, ProductTag, Tag


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


def thumbnail(image: ProductImage) -> str:
    """A small picture of a photo, or a dash where there is no file yet."""
    if not image.file:
        return "–"
    return format_html('<img src="{}" width="56" height="56" alt="">', image.file.url)
