"""The names of models and fields in the language of the reader."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _lazy


def translate_names(app: AppConfig) -> None:
    """Lets the names, help texts and choices of an app's models appear in the language of the
    reader. The models give them in English, which is what migrations keep."""
    for model in app.get_models():
        model._meta.verbose_name = _lazy(model._meta.verbose_name_raw)
        model._meta.verbose_name_plural = _lazy(str(model._meta.verbose_name_plural))
        for field in model._meta.local_fields:
            field.verbose_name = _lazy(str(field.verbose_name))
            if field.help_text:
                field.help_text = _lazy(str(field.help_text))
            if field.choices:
                field.choices = [(value, _lazy(str(label))) for value, label in field.flatchoices]
