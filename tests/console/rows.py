"""Creates rows of any model from its fields, so that new tables need no changes here."""

import uuid
from datetime import time, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from pgvector.django import HalfVectorField

from tests.indexing.shop import photo, store_file

VALUES: dict[type[models.Field], Any] = {
    models.BooleanField: False,
    models.IntegerField: 1,
    models.FloatField: 1.0,
    models.DecimalField: 1,
    models.JSONField: {},
    models.BinaryField: b"",
    models.DateTimeField: timezone.now,
    models.DateField: timezone.localdate,
    models.TimeField: time(12),
    models.UUIDField: uuid.uuid4,
    models.DurationField: timedelta(seconds=1),
    models.GenericIPAddressField: "192.0.2.1",
    ArrayField: [],
    HalfVectorField: [1.0],
}
FIGURES = {who: {} for who in ("adapter", "native", "now")}
FIXED: dict[str, dict[str, Any]] = {
    "adapter": {"figures": FIGURES},
    "failure": {"success": False},
}
"""Values, by model, that its admin needs in addition to those that the fields require."""

_made = 0


def made(model: type[models.Model]) -> Any:
    """Creates a row with a value in every required field, and the related rows."""
    fields = {f.name: value_for(f) for f in model._meta.concrete_fields if _asks(f)}
    fixed = FIXED.get(model._meta.model_name or "", {})
    row = model._default_manager.create(**{**fields, **fixed})
    if row.pk is None:
        row.refresh_from_db()
    return row


def value_for(field: Any) -> Any:
    if field.is_relation:
        return made(field.related_model)
    if field.choices:
        return next(value for value, _ in field.flatchoices if value not in ("", None))
    if isinstance(field, models.FileField):
        return store_file(photo(1))
    if isinstance(field, models.CharField | models.TextField):
        global _made
        _made += 1
        return f"made{_made}"[: field.max_length or 100]
    if field.primary_key:
        return 1
    kind = next((kind for kind in type(field).__mro__ if kind in VALUES), None)
    assert kind, f"{field}: VALUES has none for a {type(field).__name__}"
    value = VALUES[kind]
    return value() if callable(value) else value


def _asks(field: Any) -> bool:
    if getattr(field, "generated", False) or field.has_default() or field.null:
        return False
    if isinstance(field, models.AutoField) or getattr(field, "auto_now", False):
        return False
    named = isinstance(field, models.CharField) and field.unique
    return not getattr(field, "auto_now_add", False) and (named or not field.blank)
