"""Records which products have changed since they were indexed, and when products were indexed."""

from django.db import models

from catalog.models.product import HASH_LENGTH


class ProductChange(models.Model):
    """A product whose text or photos have changed since the live index last caught up with it.

    Database triggers write the rows, so changes by SQL are recorded too. `seq` grows with each
    change. The indexer deletes a row only if `seq` is still the one it has read.
    """

    product_id = models.BigIntegerField(primary_key=True)
    changed_at = models.DateTimeField(help_text="Time of the first change that is not indexed.")
    seq = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["changed_at"], name="product_change_oldest")]

    def __str__(self) -> str:
        return f"product {self.product_id}"


class IndexedProduct(models.Model):
    """The text that a product was tagged from, and when its last change became searchable."""

    product_id = models.BigIntegerField(primary_key=True)
    text_hash = models.CharField(max_length=HASH_LENGTH)
    vocabulary = models.CharField(
        max_length=HASH_LENGTH,
        default="",
        help_text="Checksum of the vocabulary it was tagged with.",
    )
    changed_at = models.DateTimeField(null=True, help_text="Time of the last indexed change.")
    indexed_at = models.DateTimeField(null=True, help_text="Empty until a live index has it.")

    class Meta:
        indexes = [models.Index(fields=["indexed_at"], name="indexed_product_when")]

    def __str__(self) -> str:
        return f"product {self.product_id}"
