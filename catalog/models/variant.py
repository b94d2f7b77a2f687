"""Variants of products: sizes, colours and whatever else a shopper chooses."""

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.product import Product

if TYPE_CHECKING:
    from catalog.models.product import ProductImage


class Variant(models.Model):
    """A variant of a product, with its own sku, price and stock. SQL may change rows: triggers keep
    the product's `price` and `in_stock` in step (`catalog/migrations/0017`). The primary key in the
    database is (product_id, id), so that the table can be distributed by product."""

    product = models.ForeignKey(
        Product,
        on_delete=models.CASCADE,
        related_name="variants",
        db_index=False,
        db_constraint=False,  # the migration makes one that cascades in the database
    )
    sku = models.CharField("SKU", max_length=200, unique=True)
    position = models.PositiveSmallIntegerField(default=0)
    options = models.JSONField(default=dict, blank=True, help_text='Texts, as in {"size": "M"}.')
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    in_stock = models.BooleanField(default=True)
    url = models.URLField(max_length=1000, blank=True, help_text="Page of the variant in the shop.")
    image_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        verbose_name=_("photos"),
        help_text="The photos of the product that show this variant, the first one first.",
    )
    image_places = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        editable=False,
        help_text="Positions of these photos in the import, if addresses are among them.",
    )

    class Meta:
        ordering = ["product_id", "position", "id"]
        indexes = [
            GinIndex(fields=["options"], name="variant_options", opclasses=["jsonb_path_ops"]),
            models.Index(fields=["price"], name="variant_price"),
        ]

    def __str__(self) -> str:
        return f"{self.options_text} ({self.sku})" if self.options else self.sku

    @property
    def options_text(self) -> str:
        """The values of the options, such as "blue, M"."""
        return ", ".join(self.shown_options.values())

    @property
    def shown_options(self) -> dict[str, str]:
        """The options in the order of their names."""
        given: Any = self.options
        return dict(sorted(given.items())) if isinstance(given, dict) else {}

    def photos(self, images: "list[ProductImage]") -> "list[ProductImage]":
        """Returns those of the product's `images` that show the variant, in its own order."""
        by_id = {image.pk: image for image in images}
        return [by_id[pk] for pk in self.image_ids if pk in by_id]
