"""The page that shows two generations side by side, with what each finds for the same photos."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from PIL import Image

from catalog.api.problems import photo_sentences
from catalog.console.product_photos import read_dropped_photo
from catalog.console.rights import Right, may
from catalog.imaging.decoder_process import DecodingTimeout
from catalog.imaging.image_decoding import ImageError
from catalog.models import Generation
from catalog.visual.errors import EncoderError
from indexing.generations.publishing import find_doubtful_switch
from indexing.quality.generation_comparison import (
    comparable_generations,
    compare_photo,
    compare_sample,
    describe_generations,
)

TEMPLATE = "admin/catalog/generation/compare.html"


def show_comparison(request: HttpRequest, of: ModelAdmin) -> TemplateResponse:
    """Compares the two generations that the address names, by default the live one and the newest
    other. A photo that is sent is the query; without one, photos of products are."""
    generations = comparable_generations()
    pair = choose_pair(generations, request.GET.get("left", ""), request.GET.get("right", ""))
    queries: list[Any] = []
    durations: list[float | None] = []
    problem = ""
    if len(pair) == 2 and all(generation.projection_id for generation in pair):
        file = request.FILES.get("photo")
        try:
            if file is not None:
                data = file.read(settings.IMAGE_MAX_BYTES + 1)
                queries, durations = compare_photo(pair, partial(_decode, data))
            else:
                queries, durations = compare_sample(pair)
        except ImageError as error:
            problem = str(photo_sentences().get(error.code, error))
        except DecodingTimeout:
            problem = _("This photo takes too long to read. Try again, or send a smaller copy.")
        except EncoderError as error:
            problem = str(error)
    figures = describe_generations(pair)
    context = {
        **of.admin_site.each_context(request),
        "title": _("Compare generations"),
        "opts": of.opts,
        "generations": generations,
        "pair": pair,
        "figures": _rows(figures),
        "queries": queries,
        "durations": durations,
        "problem": problem,
        "may_publish": may(request.user, Right.PUBLISH),
        "doubtful": find_doubtful_switch()[:1],
    }
    return TemplateResponse(request, TEMPLATE, context)


def choose_pair(generations: list[Generation], left: str, right: str) -> list[Generation]:
    """Returns the two generations with these ids; in place of unknown ids, the live one and the
    newest other. There may be fewer than two."""
    by_id = {str(generation.pk): generation for generation in generations}
    live = [g for g in generations if g.state == Generation.State.LIVE]
    first = by_id.get(left) or next(iter(live or generations), None)
    others = [generation for generation in generations if generation != first]
    second = by_id.get(right) if right != left else None
    second = second or next(iter(others), None)
    return [generation for generation in (first, second) if generation is not None]


def _decode(data: bytes, side: int) -> Image.Image:
    return read_dropped_photo(data, side)


def _rows(figures: list[list[tuple[str, str]]]) -> list[tuple[str, list[str]]]:
    """Turns the figures of each generation into rows of a table: a name, and a value of each."""
    if not figures:
        return []
    return [
        (name, [column[number][1] for column in figures])
        for number, (name, _value) in enumerate(figures[0])
    ]
