"""The page that shows the beginning of a feed before anything of it is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from catalog.importing.dry_run import Preview
from catalog.importing.errors import ImportFailed
from catalog.importing.fetching.guarded_client import FetchFailed

TEMPLATE = "admin/catalog/productimport/preview.html"
MAX_SHOWN_LINES = 20
MAX_SHOWN_COLUMNS = 100
T = TypeVar("T")


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
        understood = list(preview.understood.items())
        context |= {
            "understood": _first(understood, MAX_SHOWN_COLUMNS),
            "ignored": _first(preview.ignored, MAX_SHOWN_COLUMNS),
            "errors": _first(preview.errors, MAX_SHOWN_LINES),
            "notes": _first(preview.notes, MAX_SHOWN_LINES),
        }
    return TemplateResponse(request, TEMPLATE, context)


def attempt(read: Callable[[], T]) -> tuple[T | None, str]:
    """Returns what was read, or None and a sentence that says why there is none."""
    try:
        return read(), ""
    except (ImportFailed, FetchFailed) as error:
        return None, str(error)
    except OSError as error:
        return None, _("The file cannot be read: %(reason)s.") % {"reason": error.strerror or error}


def _first(entries: Sequence[Any], most: int) -> Shown:
    return Shown(entries[:most], max(0, len(entries) - most))
