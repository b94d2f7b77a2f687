"""A page that asks an operator before something is done."""

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse

TEMPLATE = "admin/catalog/source/question.html"


def ask(
    request: HttpRequest,
    of: ModelAdmin,
    title: str,
    question: str,
    buttons: list[tuple[str, str]],
    back: str,
    back_label: str,
    about: int,
) -> TemplateResponse:
    """Asks a question of this admin. `buttons`: name and label of each. `back`: the address of a
    link that does nothing. `about`: the id of the import in question, the value of the buttons."""
    context = {
        **of.admin_site.each_context(request),
        "title": title,
        "opts": of.opts,
        "question": question,
        "buttons": buttons,
        "back": back,
        "back_label": back_label,
        "about": about,
    }
    return TemplateResponse(request, TEMPLATE, context)
