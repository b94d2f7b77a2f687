"""Admin classes for products and categories."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _lazy

import catalog.console.audit_admin
import catalog.console.key_admin
import catalog.console.logged_searches
import catalog.console.tags
import catalog.console.user_admin  # noqa: F401
from catalog.console.base import ModelAdmin, TabularInline
from catalog.console.product_photos import ProductImageInline, render_thumbnail
from catalog.console.product_variants import VariantInline
from catalog.console.rights import Right, may
from catalog.models import Category, Product, ProductTag
from catalog.models.product import MAX_DESCRIPTION_LENGTH


class ProductTagInline(TabularInline):
    """Tags are read-only: the offline side overwrites them."""

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
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ("created_at", "updated_at")
    exclude = ("text_hash", "search_document")
    inlines = (ProductImageInline, VariantInline, ProductTagInline)

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "description":
            kwargs["max_length"] = MAX_DESCRIPTION_LENGTH
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        """The database derives the price and the stock of products with variants."""
        fields = super().get_readonly_fields(request, obj)
        has_variants = obj is not None and obj.variants.exists()
        return (*fields, "price", "in_stock") if has_variants else fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).select_related("category").prefetch_related("images")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"may_import": may(request.user, Right.OPERATE), **(extra_context or {})}
        return super().changelist_view(request, context)

    @admin.display(description=_lazy("photo"))
    def photo(self, product: Product) -> str:
        images = list(product.images.all())
        return render_thumbnail(images[0], product.label) if images else "–"


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    list_display = ("name", "name_ru", "slug", "parent")
    search_fields = ("name", "name_ru", "slug")
    autocomplete_fields = ("parent",)
    prepopulated_fields = {"slug": ("name",)}
