"""The names of models, fields and columns of the console in Russian."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.utils import translation

from catalog.models import ProductImport

RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)
# Names that are the same in both languages.
SAME = {"ID", "NDCG", "HNSW m", "HNSW ef_construction", "recall@20", "ETag", "Last-Modified"}
OWN = [m for m in admin.site._registry if m._meta.app_label in ("catalog", "indexing")]


def names_of(model: type[Any]) -> list[str]:
    """Returns all names that the pages of a model may show."""
    of, options = admin.site._registry[model], model._meta
    names = [options.verbose_name, options.verbose_name_plural]
    for field in options.local_fields:
        names += [field.verbose_name, field.help_text, *(label for _, label in field.choices or ())]
    names += [label_for_field(name, model, of) for name in of.list_display]
    actions = (getattr(type(of), str(name)) for name in of.actions)
    names += [action.short_description for action in actions]
    return [str(name) for name in names if str(name)]


@pytest.mark.parametrize("model", OWN, ids=lambda model: model.__name__)
def test_every_name_is_translated(model: type[Any]) -> None:
    with translation.override("ru"):
        names = names_of(model)

    assert [name for name in names if not RUSSIAN.search(name) and name not in SAME] == []


def test_a_name_keeps_its_context() -> None:
    with translation.override("ru"):
        assert ProductImport._meta.get_field("hidden").verbose_name == "скрыто"


def test_names_are_english_for_others() -> None:
    with translation.override("en"):
        assert "generations" in names_of(next(m for m in OWN if m.__name__ == "Generation"))
