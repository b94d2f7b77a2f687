"""Products, their categories and their photos."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.models.attributes import MAX_DEPTH, AttributesField, cut_to_depth
from catalog.models.querysets import CategoryQuerySet, ProductQuerySet

if TYPE_CHECKING:
    from catalog.models.tag import Tag

HASH_LENGTH = 32
MAX_DESCRIPTION_LENGTH = 20_000  # characters; PostgreSQL limits the size of the search document


def content_hash(data: bytes | Iterable[bytes]) -> str:
    """Returns the BLAKE2b hash of `data`, given whole or in parts: 128 bits as 32 hex digits."""
    digest = hashlib.blake2b(digest_size=HASH_LENGTH // 2)
    for part in (data,) if isinstance(data, bytes) else data:
        digest.update(part)
    return digest.hexdigest()


def in_active_language(english: str, russian: str) -> str:
    """Returns the text in the active language, or the other text if that one is empty."""
    return (russian or english) if get_language() == "ru" else (english or russian)


class Category(models.Model):
    """A node of the category tree."""

    slug = models.SlugField(max_length=200, unique=True, allow_unicode=True)
    name = models.CharField(_("name"), max_length=200)
    name_ru = models.CharField(_("name in Russian"), max_length=200, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "categories"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return in_active_language(self.name, self.name_ru)


class Product(models.Model):
    """A product for sale. SQL may change rows: the database computes the text hash and the search
    document, and its triggers record what must be indexed again (`catalog/migrations/0003`)."""

    sku = models.CharField("SKU", max_length=200, unique=True)
    title = models.CharField(max_length=500, blank=True)
    title_ru = models.CharField("title in Russian", max_length=500, blank=True)
    description = models.TextField(blank=True)
    category = models.ForeignKey(
        Category, null=True, blank=True, on_delete=models.SET_NULL, related_name="products"
    )
    brand = models.CharField(max_length=200, blank=True, db_index=True)
    keywords = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, default="EUR")
    in_stock = models.BooleanField(default=True)
    is_visible = models.BooleanField(
        "visible", default=True, help_text="Hidden products disappear from the results at once."
    )
    popularity = models.PositiveIntegerField(default=0)
    url = models.URLField(max_length=1000, blank=True, help_text="Page of the product in the shop.")
    attributes = AttributesField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    text_hash = models.GeneratedField(
        expression=Func(
            F("title"),
            F("title_ru"),
            F("description"),
            F("keywords"),
            F("category"),
            F("attributes"),
            function="catalog_text_hash",
        ),
        output_field=models.CharField(max_length=HASH_LENGTH),
        db_persist=True,
        help_text="Hash of the texts that tags are derived from.",
    )
    search_document = models.GeneratedField(
        expression=Func(
            F("title"),
            F("title_ru"),
            F("keywords"),
            F("description"),
            function="catalog_search_document",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            GinIndex(fields=["search_document"], name="product_search_document"),
            models.Index(fields=["price"], name="product_price"),
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["-popularity", "id"], name="product_popular"),
            models.Index(
                fields=["category", "-created_at", "-id"], name="product_newest_of_category"
            ),
            models.Index(fields=["category", "-popularity", "id"], name="product_popular_category"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.sku})"

    @property
    def label(self) -> str:
        return in_active_language(self.title, self.title_ru) or self.sku

    @property
    def shown_attributes(self) -> dict[str, Any]:
        """The attributes, cut to MAX_DEPTH levels; empty if SQL has written no JSON object."""
        given = self.attributes
        return cut_to_depth(given, MAX_DEPTH) if isinstance(given, dict) else {}

    @property
    def photo_urls(self) -> list[str]:
        """The URLs of the photos, in order."""
        return [image.file.url for image in self.images.all()]

    @property
    def photo_url(self) -> str | None:
        first = next(iter(self.images.all()), None)
        return first.file.url if first else None

    @property
    def tags(self) -> "list[Tag]":
        """The tags, those with the highest scores first."""
        return [given.tag for given in self.product_tags.all()]


class ProductImage(models.Model):
    """One photo of a product. The primary key in the database is (product_id, id), so that the
    table can be distributed by product. A sequence makes `id` unique."""

    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="images", db_index=False
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text="Results show the photo with the lowest position."
    )
    file = models.ImageField(upload_to="products/", max_length=500)
    content_hash = models.CharField(max_length=HASH_LENGTH, editable=False)

    class Meta:
        ordering = ["product_id", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "position"],
                name="product_image_position",
                deferrable=models.Deferrable.DEFERRED,
            )
        ]

    def __str__(self) -> str:
        return self.file.name or ""

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Hashes a newly uploaded file and leaves it open for the storage to read. A file that is
        only named has an empty hash until indexing reads the file."""
        if self.file and not getattr(self.file, "_committed", True):
            self.file.open("rb")  # the form may have read part of it
            self.content_hash = content_hash(self.file.chunks())
            self.file.seek(0)
            if (fields := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*fields, "content_hash"}
        elif self.pk:
            named = ProductImage.objects.filter(pk=self.pk).exclude(file=self.file.name)
            if named.filter(content_hash=self.content_hash).exists():
                self.content_hash = ""
        super().save(*args, **kwargs)
