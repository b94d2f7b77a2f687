"""A page that asks an operator before something is done."""

from collections.abc import Sequence

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse

TEMPLATE = "admin/question.html"


def ask(
    request: HttpRequest,
    of: ModelAdmin,
    title: str,
    question: str | Sequence[str],
    buttons: list[tuple[str, str]],
    back: str,
    back_label: str,
    about: int = 1,
    choices: Sequence[tuple[str, str, str]] = (),
) -> TemplateResponse:
    """Asks a question of this admin, in one or several paragraphs. `buttons`: name and label of
    each. `back`: the address of a link that does nothing. `about`: the id of the import in
    question, the value of the buttons. `choices`: name, value and label of each radio button, the
    first of them chosen."""
    context = {
        **of.admin_site.each_context(request),
        "title": title,
        "opts": of.opts,
        "paragraphs": [question] if isinstance(question, str) else question,
        "choices": choices,
        "buttons": buttons,
        "back": back,
        "back_label": back_label,
        "about": about,
    }
    return TemplateResponse(request, TEMPLATE, context)
