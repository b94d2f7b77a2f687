"""All URLs of the console from the URL resolver, filled in with the ids of rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import URLPattern, reverse

ARGUMENTS = {
    "kind": ["refresh", "rebuild", "training", "fetch", "import", "recommendations"],
    "step": ["pause", "resume", "cancel"],
    "act": ["stop", "adopt_first", "adopt_second", "undo"],
    "product_id": [0],
    "query_id": ["0" * 32],
    "url": ["nonsense/"],
    "token": ["nonsense"],
}
"""Values of URL arguments that are not ids of rows, by name. New arguments need an entry here."""


@dataclass(frozen=True)
class Address:
    """`page` is changelist, add, change, delete, history, or the name of another URL."""

    page: str
    url: str
    model: type[Any] | None = None

    def __str__(self) -> str:
        return self.url


def addresses_of(model: type[Any], row: Any) -> Iterator[Address]:
    """Yields the URLs of a model's admin for one of its rows."""
    base = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for pattern in admin.site._registry[model].get_urls():
        page = (pattern.name or "old").removeprefix(
            f"{model._meta.app_label}_{model._meta.model_name}_"
        )
        for route in _filled(pattern, {"object_id": [quote(row.pk)], "id": [row.pk]}):
            yield Address(page, base + route, model)


def addresses_of_site() -> Iterator[Address]:
    """Yields the URLs that belong to no model."""
    labels = sorted({model._meta.app_label for model in admin.site._registry})
    for pattern in admin.site.get_urls():
        if isinstance(pattern, URLPattern):
            known = {
                "app_label": labels,
                "content_type_id": [1],
                "object_id": [1],
            }
            for route in _filled(pattern, known):
                yield Address(pattern.name or "any", reverse("admin:index") + route)


def _filled(pattern: URLPattern, values: dict[str, list[Any]]) -> list[str]:
    """Returns the pattern's routes, one for each combination of argument values."""
    route, known = str(pattern.pattern), {**ARGUMENTS, **values}
    routes = [re.sub(r"\(\?P<(\w+)>.*?\)", r"<\1>", route).lstrip("^").rstrip("$")]
    for name in re.findall(r"<(?:\w+:)?(\w+)>", routes[0]):
        place = re.compile(rf"<(?:\w+:)?{name}>")
        routes = [place.sub(str(value), r) for r in routes for value in known[name]]
    return routes
