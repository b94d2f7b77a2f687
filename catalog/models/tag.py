"""The vocabulary of tags, and the tags of each product."""

from django.db import models

from catalog.models.product import Product, in_active_language


class Tag(models.Model):
    """A word of the vocabulary that products are tagged with."""

    slug = models.SlugField(max_length=100, unique=True, allow_unicode=True)
    name = models.CharField(max_length=100)
    name_ru = models.CharField("name in Russian", max_length=100, blank=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="Inactive tags are not assigned to products."
    )

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return in_active_language(self.name, self.name_ru)


class ProductTag(models.Model):
    """A tag that the offline side gave to a product. `score` is 0 to 1; 1 means that the product's
    text has the word. The primary key in the database is (product_id, id), as for photos."""

    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="product_tags", db_index=False
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="product_tags")
    score = models.FloatField()

    class Meta:
        ordering = ["product_id", "-score", "tag_id"]
        constraints = [models.UniqueConstraint(fields=["product", "tag"], name="product_tag_once")]

    def __str__(self) -> str:
        return f"{self.tag} {self.score:.2f}"
