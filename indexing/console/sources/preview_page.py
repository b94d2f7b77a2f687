"""The page that shows the beginning of a feed before anything of it is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from catalog.console.stored_sentences import translate_sentence
from catalog.importing.dry_run import Preview
from catalog.importing.errors import ImportFailed
from catalog.importing.fetching.guarded_client import FetchFailed

TEMPLATE = "admin/catalog/productimport/preview.html"
MAX_SHOWN_LINES = 20
MAX_SHOWN_COLUMNS = 100
T = TypeVar("T")
FIELDS = {
    "sku": pgettext_lazy("field of products", "sku"),
    "title": pgettext_lazy("field of products", "title"),
    "title_ru": pgettext_lazy("field of products", "title_ru"),
    "description": pgettext_lazy("field of products", "description"),
    "brand": pgettext_lazy("field of products", "brand"),
    "category": pgettext_lazy("field of products", "category"),
    "category_ru": pgettext_lazy("field of products", "category_ru"),
    "keywords": pgettext_lazy("field of products", "keywords"),
    "price": pgettext_lazy("field of products", "price"),
    "currency": pgettext_lazy("field of products", "currency"),
    "in_stock": pgettext_lazy("field of products", "in_stock"),
    "is_visible": pgettext_lazy("field of products", "is_visible"),
    "popularity": pgettext_lazy("field of products", "popularity"),
    "url": pgettext_lazy("field of products", "url"),
    "images": pgettext_lazy("field of products", "images"),
    "group": pgettext_lazy("field of products", "group"),
    "options": pgettext_lazy("field of products", "options"),
    "is_group": pgettext_lazy("field of products", "is_group"),
    "regular_price": pgettext_lazy("field of products", "regular_price"),
    "other_categories": pgettext_lazy("field of products", "other_categories"),
    "google_product_category": pgettext_lazy("field of products", "google_product_category"),
    "option": pgettext_lazy("field of products", "option"),
    "attribute": pgettext_lazy("field of products", "attribute"),
    "option or attribute": pgettext_lazy("field of products", "option or attribute"),
    "category or attribute": pgettext_lazy("field of products", "category or attribute"),
}
"""The names of fields, which in English are those of JSON Lines."""


@dataclass(frozen=True)
class Shown:
    """The first of many entries, and how many more there are."""

    first: Sequence[Any]
    more: int


@dataclass(frozen=True)
class PreviewPage:
    """What the page says beside the preview. `buttons`: the template of its buttons, which gets
    `choices`. `remark` is a sentence about what was read."""

    title: str
    buttons: str
    choices: dict[str, Any] = field(default_factory=dict)
    remark: str = ""


def show_preview(
    request: HttpRequest, site: AdminSite, opts: Any, page: PreviewPage, preview: Preview | None
) -> TemplateResponse:
    """Shows a preview. Without one, the page says only why: that is its remark."""
    context = {
        **site.each_context(request),
        "title": page.title,
        "opts": opts,
        "page": page,
        "preview": preview,
        **page.choices,
    }
    if preview is not None:
        understood = [(name, name_of(field)) for name, field in preview.understood.items()]
        context |= {
            "products": [
                (product, [(name_of(name), text) for name, text in product.shown_fields()])
                for product in preview.products
            ],
            "understood": _first(understood, MAX_SHOWN_COLUMNS),
            "ignored": _first(preview.ignored, MAX_SHOWN_COLUMNS),
            "errors": _first_lines(preview.errors),
            "notes": _first_lines(preview.notes),
            "failure": translate_sentence(preview.failure),
        }
    return TemplateResponse(request, TEMPLATE, context)


def attempt(read: Callable[[], T]) -> tuple[T | None, str]:
    """Returns what was read, or None and a sentence that says why there is none."""
    try:
        return read(), ""
    except (ImportFailed, FetchFailed) as error:
        return None, translate_sentence(str(error))
    except OSError as error:
        return None, _("The file cannot be read: %(reason)s.") % {"reason": error.strerror or error}


def name_of(field: str) -> str:
    """Returns the name of a field of products, or of an attribute, in the active language."""
    return str(FIELDS.get(field, field))


def _first_lines(lines: Sequence[tuple[int, str]]) -> Shown:
    shown = _first(lines, MAX_SHOWN_LINES)
    return replace(shown, first=[(line, translate_sentence(said)) for line, said in shown.first])


def _first(entries: Sequence[Any], most: int) -> Shown:
    return Shown(entries[:most], max(0, len(entries) - most))
