"""Whatever else a shop says of a product: JSON of any shape, within what can be kept and shown."""

import json
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

MAX_DEPTH = 20  # of lists and objects inside each other
MAX_READABLE_DEPTH = 500  # Python reads and writes about twice as many
UNREADABLE_ATTRIBUTES = {"attributes": "nested too deeply, or a number too long, to be read"}
CUT_MARK = "…"
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def describe_problem(value: Any) -> str | None:
    """Why attributes cannot be kept, as a sentence without its subject; None if they can."""
    if is_nested_deeper(value, MAX_DEPTH):
        return _("are nested more than %(depth)s deep") % {"depth": MAX_DEPTH}
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        return _("hold a value that JSON does not have")
    if _NUL_IN_JSON.search(text) or not is_unicode(text):
        return _("contain a NUL character or half of a surrogate pair")
    return None


def is_nested_deeper(value: Any, most: int) -> bool:
    """Whether lists and objects lie more than `most` deep inside each other."""
    inside = [value]
    for _depth in range(most):
        inside = _parts_of(inside)
    return any(isinstance(one, dict | list | tuple) for one in inside)


def cut_to_depth(value: Any, depth: int) -> Any:
    """The same with CUT_MARK in place of lists and objects that lie more than `depth` deep."""
    if not isinstance(value, dict | list | tuple):
        return value
    if not depth:
        return CUT_MARK
    if isinstance(value, dict):
        return {name: cut_to_depth(item, depth - 1) for name, item in value.items()}
    return [cut_to_depth(item, depth - 1) for item in value]


def is_unicode(text: str) -> bool:
    """Whether there is no half of a surrogate pair in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class AttributesFormField(forms.JSONField):
    """What is typed in the console, shown again as it was typed; of what Python cannot read, a
    sentence."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else forms.fields.InvalidJSONInput(data)


class AttributesField(models.JSONField):
    """JSON that shops and operators give. What SQL has written and Python cannot read is read as
    UNREADABLE_ATTRIBUTES."""

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

    def formfield(self, **how: Any) -> Any:
        return super().formfield(**{"form_class": AttributesFormField, **how})


def _parts_of(values: list[Any]) -> list[Any]:
    return [
        item
        for one in values
        if isinstance(one, dict | list | tuple)
        for item in (one.values() if isinstance(one, dict) else one)
    ]
