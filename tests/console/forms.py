"""Fills in the console's forms as a browser does: with the values on the page, or with new values
for each kind of field."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django import forms
from django.contrib.auth.forms import UsernameField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.files.uploadedfile import SimpleUploadedFile

from indexing.console.sources.source_forms import CronField, MappingField
from tests.indexing.shop import photo

Sent = dict[str, list[Any]]

PASSWORD = "Longer-than-8-chars"
VALUES: list[tuple[type[forms.Field], str]] = [
    (forms.DecimalField, "19.90"),
    (forms.IntegerField, "3"),
    (MappingField, '{"sku": "Number"}'),
    (CronField, "15 4 * * *"),
    (forms.JSONField, '{"width_cm": 71}'),
    (forms.SplitDateTimeField, "2026-01-02 03:04:05"),
    (forms.URLField, "https://shop.example/made"),
    (forms.EmailField, "made@shop.example"),
    (SimpleArrayField, "oak,seat"),
    (forms.BooleanField, "on"),
]

_made = 0


def shown(response: Any) -> Sent:
    """Returns what a browser sends if the user saves the page unchanged."""
    page = _Page()
    page.feed(response.content.decode())
    return page.sent


def filled(response: Any) -> Sent:
    """Returns the same with a new value in every field of the main form."""
    data = shown(response)
    for bound in response.context["adminform"].form:
        for name, value in _new(bound):
            data[name] = [value]
    return data


def _new(bound: Any) -> Iterator[tuple[str, Any]]:
    value = new_value(bound)
    if value is None:
        return
    if isinstance(bound.field, forms.SplitDateTimeField):
        for number, part in enumerate(value.split(" ")):
            yield f"{bound.html_name}_{number}", part
    else:
        yield bound.html_name, value


def new_value(bound: Any) -> Any:
    """Returns a new value that the field accepts, or None if the field should keep its value."""
    global _made
    _made += 1
    field = bound.field
    if isinstance(field, forms.ModelChoiceField | forms.ChoiceField):
        return None
    if isinstance(field.widget, forms.PasswordInput):
        return PASSWORD
    if isinstance(field, forms.FileField):
        return upload("made.png", photo(_made, "PNG"))
    for kind, value in VALUES:
        if isinstance(field, kind):
            return value
    if isinstance(field, forms.SlugField | UsernameField):
        return f"made-{_made}"
    if isinstance(field, forms.CharField):
        return f"made {_made}"[: field.max_length or 100]
    if type(field).__name__ == "ReadOnlyPasswordHashField":
        return None
    raise AssertionError(f"{bound.name}: no value is known for a {type(field).__name__}")


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "application/octet-stream")


def errors_of(response: Any) -> dict[str, list[str]]:
    """Returns the error messages of a page that was not saved, by field name."""
    if response.context is None or "adminform" not in response.context:
        return {}
    inlines = [inline.formset for inline in response.context["inline_admin_formsets"]]
    every = [response.context["adminform"].form, *(form for f in inlines for form in f.forms)]
    errors = {form.add_prefix(name): list(e) for form in every for name, e in form.errors.items()}
    return errors | {
        f"{f.prefix}": list(f.non_form_errors()) for f in inlines if f.non_form_errors()
    }


class _Page(HTMLParser):
    """Collects the values of the page's main form."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: Sent = {}
        self._inside = False
        self._select = self._text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._inside = has.get("id", "").endswith("_form")
        name = has.get("name", "")
        if not self._inside:
            return
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in has:
            self._add(self._select, has.get("value", ""))
        elif tag == "textarea":
            self._text = name
            self._add(name, "")
        elif tag == "input" and name and has.get("type") not in ("submit", "button", "file"):
            if has.get("type") not in ("checkbox", "radio"):
                self._add(name, has.get("value", ""))
            elif "checked" in has:
                self._add(name, has.get("value", "on"))

    def handle_data(self, data: str) -> None:
        if self._text:
            self.sent[self._text][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea" and self._text:
            self.sent[self._text][-1] = self.sent[self._text][-1].removeprefix("\n")
            self._text = ""

    def _add(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)
