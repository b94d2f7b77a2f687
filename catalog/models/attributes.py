"""Attributes of products: JSON of any shape that the database can store and pages can show."""

import json
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

MAX_DEPTH = 20  # of nested lists and objects
MAX_READABLE_DEPTH = 500  # Python's JSON reads and writes about twice as many levels
UNREADABLE_ATTRIBUTES = {"attributes": "nested too deeply, or a number too long, to be read"}
CUT_MARK = "…"
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def describe_problem(value: Any) -> str | None:
    """Says why attributes cannot be stored, as a sentence without its subject, or returns None."""
    if is_nested_deeper(value, MAX_DEPTH):
        return _("are nested more than %(depth)s deep") % {"depth": MAX_DEPTH}
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        return _("hold a value that JSON does not have")
    if _NUL_IN_JSON.search(text) or not is_unicode(text):
        return _("contain a NUL character or half of a surrogate pair")
    return None


def is_nested_deeper(value: Any, depth: int) -> bool:
    """Returns whether lists and objects are nested more than `depth` levels deep."""
    inside = [value]
    for _level in range(depth):
        inside = _list_children(inside)
        if not inside:
            return False
    return any(isinstance(one, dict | list | tuple) for one in inside)


def cut_to_depth(value: Any, depth: int) -> Any:
    """Returns `value` with CUT_MARK in place of lists and objects below `depth` levels."""
    if not isinstance(value, dict | list | tuple):
        return value
    if not depth:
        return CUT_MARK
    if isinstance(value, dict):
        return {name: cut_to_depth(item, depth - 1) for name, item in value.items()}
    return [cut_to_depth(item, depth - 1) for item in value]


def is_unicode(text: str) -> bool:
    """Returns whether the text is free of halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class AttributesFormField(forms.JSONField):
    """JSON typed in the console. A rejected value is shown again as it was typed, with a sentence
    if Python cannot read it."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else forms.fields.InvalidJSONInput(data)


class AttributesField(models.JSONField):
    """JSON from shops and operators. A value that was written by SQL and that Python cannot read
    becomes UNREADABLE_ATTRIBUTES."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        try:
            read = super().from_db_value(value, expression, connection)
        except (RecursionError, ValueError):
            return UNREADABLE_ATTRIBUTES
        return UNREADABLE_ATTRIBUTES if is_nested_deeper(read, MAX_READABLE_DEPTH) else read

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        if problem := describe_problem(value):
            raise ValidationError(_("The attributes %(problem)s.") % {"problem": problem})
        super().validate(value, model_instance)

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": AttributesFormField, **options})


def _list_children(values: list[Any]) -> list[Any]:
    return [
        item
        for one in values
        if isinstance(one, dict | list | tuple)
        for item in (one.values() if isinstance(one, dict) else one)
    ]
