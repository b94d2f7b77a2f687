"""Turns category paths into categories and creates the missing ones."""

from collections.abc import Sequence

from django.utils.text import slugify

from catalog.importing.records import ProductRecord
from catalog.models import Category
from catalog.models.product import content_hash

MAX_SLUG_LENGTH = 200


class CategoryTree:
    """Finds or creates the categories of records. One query reads all categories at the start. If
    records disagree on a Russian name, the first record that gives one wins."""

    def __init__(self) -> None:
        self._by_slug = {category.slug: category for category in Category.objects.all()}
        self._named: set[str] = set()

    def category_for(self, record: ProductRecord) -> Category | None:
        """Returns the category at the end of the record's path, or None for a record without a
        path."""
        parent: Category | None = None
        for depth, name in enumerate(record.category):
            name_ru = record.category_ru[depth] if depth < len(record.category_ru) else ""
            parent = self._get_or_create(
                path_slug(record.category[: depth + 1]), name, name_ru, parent
            )
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
        elif name_ru and category.name_ru != name_ru and slug not in self._named:
            category.name_ru = name_ru
            category.save(update_fields=["name_ru"])
        if name_ru:
            self._named.add(slug)
        return category


def path_slug(path: Sequence[str]) -> str:
    """Returns the slug of the category at the end of `path`. Two hyphens separate the steps. The
    slug of a single name has no two hyphens in a row, so "Garden > Lamps" and "Garden lamps" stay
    different categories."""
    slug = "--".join(slugify(name, allow_unicode=True) or "other" for name in path)
    if len(slug) > MAX_SLUG_LENGTH:
        slug = f"{slug[: MAX_SLUG_LENGTH - 33]}-{content_hash(slug.encode())}"
    return slug
