"""Reads of the catalogue by their names in the shop."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from catalog.models import Category, ClickBurst, Product  # noqa: F401


class CategoryQuerySet(models.QuerySet["Category"]):
    def subtree_ids(self, slugs: list[str]) -> list[int]:
        """Ids of the categories named by `slugs` and of all that lie below them, in one query."""
        rows = self.model.objects.raw(
            """
            WITH RECURSIVE below AS (
                SELECT id FROM catalog_category WHERE slug = ANY(%s)
                UNION
                SELECT child.id FROM catalog_category child JOIN below ON child.parent_id = below.id
            )
            SELECT id FROM below
            """,
            [slugs],
        )
        return [row.pk for row in rows]


class ProductQuerySet(models.QuerySet["Product"]):
    def visible(self) -> "ProductQuerySet":
        """What shoppers may see."""
        return self.filter(is_visible=True)

    def for_display(self) -> "ProductQuerySet":
        """With category, photos and tags, in two more queries."""
        from catalog.models import ProductTag

        tags = models.Prefetch("product_tags", ProductTag.objects.select_related("tag"))
        return self.select_related("category").prefetch_related("images", tags)


class ClickBurstQuerySet(models.QuerySet["ClickBurst"]):
    def undecided(self) -> "ClickBurstQuerySet":
        """Those that no operator has decided on."""
        return self.filter(decision="open")

    def clicks(self) -> int:
        """How many clicks they set aside, all together."""
        return self.aggregate(models.Sum("clicks"))["clicks__sum"] or 0
