"""Category paths to category rows, made where they are missing."""

from django.utils.text import slugify

from catalog.importing.records import ProductRecord
from catalog.models import Category


class CategoryTree:
    """Finds or makes the category a record names; one query for the whole tree at the start."""

    def __init__(self) -> None:
        self._by_slug = {category.slug: category for category in Category.objects.all()}

    def category_for(self, record: ProductRecord) -> Category | None:
        """The category at the end of the record's path, or None for a record without one."""
        parent: Category | None = None
        for depth, name in enumerate(record.category):
            name_ru = record.category_ru[depth] if depth < len(record.category_ru) else ""
            slug = slugify("-".join(record.category[: depth + 1]), allow_unicode=True)[:200]
            parent = self._get_or_create(slug or "other", name, name_ru, parent)
        return parent

    def _get_or_create(
        self, slug: str, name: str, name_ru: str, parent: Category | None
    ) -> Category:
        category = self._by_slug.get(slug)
        if category is None:
            category, _ = Category.objects.get_or_create(
                slug=slug, defaults={"name": name, "name_ru": name_ru, "parent": parent}
            )
            self._by_slug[slug] = category
        elif name_ru and category.name_ru != name_ru:
            category.name_ru = name_ru
            category.save(update_fields=["name_ru"])
        return category
