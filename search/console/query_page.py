"""Pages on which an operator searches as a shopper does: each step of the search, and the place of
one product in its results."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from catalog.api.problems import photo_sentences
from catalog.console.stored_sentences import translate_sentence
from catalog.console.translated_names import name_search_stage
from catalog.imaging.image_decoding import ImageError
from catalog.index.live_index import IndexNotReady
from catalog.models import Product
from catalog.visual.errors import EncoderError
from search.console.query_steps import follow_query
from search.console.shown_results import show_results
from search.console.standing import find_standing
from search.errors import RequestError
from search.request import SearchRequest, read_uploads

MAX_WORDS = 200  # characters
MAX_SHOWN = 24
EXPECTED = (ImageError, RequestError, IndexNotReady, EncoderError)


class NothingAsked(Exception):
    """The form has neither a photo nor words."""


def show_query(request: HttpRequest, of: ModelAdmin) -> TemplateResponse:
    """Shows the form, and the steps of the search that it asks for."""
    steps, problem = None, ""
    if request.method == "POST":
        try:
            steps = follow_query(_read(request, limit=MAX_SHOWN, explain=True))
        except (*EXPECTED, NothingAsked) as error:
            problem = _sentence(error)
    context = {
        **of.admin_site.each_context(request),
        "title": _("Try a query"),
        "opts": of.opts,
        "steps": steps,
        "problem": problem,
        "words": request.POST.get("words", "")[:MAX_WORDS],
        "results": show_results(enumerate(steps.results, 1)) if steps else [],
        "durations": _name_stages(steps.timings_ms) if steps else [],
    }
    return TemplateResponse(request, "admin/catalog/loggedsearch/try.html", context)


def show_standing(request: HttpRequest, of: ModelAdmin, product: Product) -> TemplateResponse:
    """Shows the place of a product for the photo and words of the form."""
    standing, problem = None, ""
    if request.method == "POST":
        try:
            standing = find_standing(_read(request), product)
        except (*EXPECTED, NothingAsked) as error:
            problem = _sentence(error)
    context = {
        **of.admin_site.each_context(request),
        "title": _("Where does it stand?"),
        "opts": of.opts,
        "product": product,
        "standing": standing,
        "own": show_results([(standing.place, standing.result)])
        if standing and standing.place and standing.result
        else [],
        "above": show_results(standing.above) if standing else [],
        "problem": problem,
        "words": request.POST.get("words", "")[:MAX_WORDS],
    }
    return TemplateResponse(request, "admin/catalog/loggedsearch/standing.html", context)


def _read(request: HttpRequest, **options: Any) -> SearchRequest:
    words = request.POST.get("words", "").replace("\0", "").strip()[:MAX_WORDS]
    images = read_uploads(request.FILES.getlist("photo")[:1])
    if not words and not images:
        raise NothingAsked(_("Choose a photo, or write what you are looking for."))
    return SearchRequest(images=images, text=words, **options)


def _name_stages(timings_ms: dict[str, float]) -> list[tuple[str, float]]:
    return [(name_search_stage(stage), ms) for stage, ms in timings_ms.items()]


def _sentence(error: Exception) -> str:
    code = getattr(error, "code", "")
    return str(photo_sentences().get(code) or translate_sentence(str(error)))
