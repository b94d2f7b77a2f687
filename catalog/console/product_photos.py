"""A product's photos in the console: each is decoded before it is kept, as a search would do it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.files import File
from django.core.validators import validate_image_file_extension
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from catalog.console.base import StackedInline
from catalog.imaging.decoder_process import DecoderPool, DecodingTimeout
from catalog.imaging.image_decoding import ImageError, ImageLimits
from catalog.models import ProductImage
from catalog.problems import photo_sentences

SMALLEST_SIDE = 224  # pixels; photos are decoded no larger than that needs
CPU_S, WAIT_S = 10.0, 20.0  # seconds that decoding one photo may take, and that a form waits for it
TOO_SLOW = _("This photo takes too long to read. Try again, or send a smaller copy.")

decoders = DecoderPool(1)  # in a process of its own: suppliers send broken photos too


class PhotoField(forms.FileField):
    """A photo that can be indexed; for any other file, a sentence that says why it cannot."""

    default_validators = [validate_image_file_extension]

    def to_python(self, data: Any) -> File | None:
        file = super().to_python(data)
        if file is not None:
            limits = ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS)
            photo = file.read(limits.max_bytes + 1)  # one more is enough to be too large
            try:
                decoders.decode(
                    photo, at_least=SMALLEST_SIDE, limits=limits, cpu_s=CPU_S, wait_s=WAIT_S
                )
            except ImageError as error:
                sentence = photo_sentences().get(error.code, str(error))
                raise forms.ValidationError(sentence, code=error.code) from error
            except DecodingTimeout as error:
                raise forms.ValidationError(TOO_SLOW, code="image_unreadable") from error
            file.seek(0)
        return file

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        # By their endings too: not every system takes HEIC and AVIF for images.
        return {**super().widget_attrs(widget), "accept": "image/*,.heic,.heif,.avif"}


class PhotoForm(forms.ModelForm):
    class Meta:
        model = ProductImage
        fields = ("position", "file")
        help_texts = {"position": _("The first one is shown. Empty: it becomes the last.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        if self.instance.pk is None:
            self.initial["position"] = None

    def validate_constraints(self) -> None:
        """Left to the formset: photos may change places, which one of them alone may not."""


class PhotoFormSet(forms.BaseInlineFormSet):
    """All photos of a product: no two in one place, those without a place behind the others."""

    def clean(self) -> None:
        super().clean()
        kept = [f for f in self.forms if f.has_changed() or f.instance.pk]
        kept = [form for form in kept if form not in self.deleted_forms and form.is_valid()]
        places = {form: form.cleaned_data.get("position") for form in kept}
        last = max((place for place in places.values() if place is not None), default=-1)
        for form in kept:
            if places[form] is None:
                last += 1
                form.instance.position = last


class ProductImageInline(StackedInline):
    model = ProductImage
    form, formset = PhotoForm, PhotoFormSet
    classes = ("min-w-0",)  # else it is wider than a phone
    extra = 0
    fields = ("preview", "file", "position")
    readonly_fields = ("preview",)

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "file":
            kwargs["form_class"] = PhotoField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("photo"))
    def preview(self, image: ProductImage) -> str:
        return thumbnail(image)


def thumbnail(image: ProductImage) -> str:
    """A small picture of a photo, or a dash where there is no file yet."""
    if not image.file:
        return "–"
    return format_html('<img src="{}" width="56" height="56" alt="">', image.file.url)
