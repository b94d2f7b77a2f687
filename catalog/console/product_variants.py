"""Forms for the variants of a product."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from catalog.console.base import TabularInline
from catalog.console.product_photos import render_thumbnail
from catalog.models import Variant

MAX_NAME_LENGTH = 100
MAX_VALUE_LENGTH = 200


class OptionsField(forms.CharField):
    """Options as lines of text, each with a name and a value."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 20})

    def to_python(self, value: Any) -> Any:
        options: dict[str, str] = {}
        given = super().to_python(value) or ""
        ProhibitNullCharactersValidator()(given)
        for line in filter(None, map(str.strip, given.splitlines())):
            name, colon, text = (part.strip() for part in line.partition(":"))
            if not (name and colon and text):
                raise forms.ValidationError(
                    _("Write each option on a line of its own, such as size: M.")
                )
            if len(name) > MAX_NAME_LENGTH or len(text) > MAX_VALUE_LENGTH:
                raise forms.ValidationError(_("An option is too long."))
            if name in options:
                raise forms.ValidationError(
                    _("The option %(name)s is there twice.") % {"name": name}
                )
            options[name] = text
        return options

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name}: {text}" for name, text in sorted(value.items()))
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class VariantForm(forms.ModelForm):
    options = OptionsField(
        label=_("options"), required=False, help_text=_("One on each line, such as size: M.")
    )

    class Meta:
        model = Variant
        fields = ("sku", "options")  # the inline names the others


class VariantInline(TabularInline):
    """The variants of a product. Which photos show them comes from imports."""

    model = Variant
    form = VariantForm
    extra = 0
    fields = ("shown_photos", "sku", "position", "options", "price", "in_stock", "url")
    readonly_fields = ("shown_photos",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "price":
            kwargs["min_value"] = 0
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("photos"))
    def shown_photos(self, variant: Variant) -> str:
        if not variant.image_ids:
            return "–"
        images = variant.photos(list(variant.product.images.all()))
        return format_html_join("", "{}", ((render_thumbnail(image),) for image in images)) or "–"
