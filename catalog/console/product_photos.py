"""Forms for the photos of a product. Every upload is decoded before it is stored, with the same
limits as the photos of searches."""

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
from PIL import Image

from catalog.api.problems import photo_sentences
from catalog.console.base import StackedInline
from catalog.imaging.decoder_process import DecoderPool, DecodingTimeout
from catalog.imaging.image_decoding import ImageError, ImageLimits
from catalog.models import ProductImage

MIN_DECODED_SIDE = 224  # pixels; photos are decoded at the smallest scale with such a side
MAX_CPU_S = 10.0  # processor time for decoding one photo
MAX_WAIT_S = 20.0  # time that a form waits for it
TOO_SLOW_SENTENCE = _("This photo takes too long to read. Try again, or send a smaller copy.")

decoders = DecoderPool(1)  # a separate process, as broken photos may crash it


def read_dropped_photo(data: bytes, at_least: int) -> Image.Image:
    """Decodes a photo that an operator sends, in a child process, to an RGB image whose shorter
    side has at least so many pixels, if the photo has them. Raises ImageError or
    DecodingTimeout."""
    return decoders.decode(
        data,
        at_least=at_least,
        limits=ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS),
        cpu_s=MAX_CPU_S,
        wait_s=MAX_WAIT_S,
    )


class PhotoField(forms.FileField):
    """A file field that accepts only photos that can be indexed."""

    default_validators = [validate_image_file_extension]

    def to_python(self, data: Any) -> File | None:
        file = super().to_python(data)
        if file is not None:
            # One byte more shows that it is too large.
            photo = file.read(settings.IMAGE_MAX_BYTES + 1)
            try:
                read_dropped_photo(photo, MIN_DECODED_SIDE)
            except ImageError as error:
                sentence = photo_sentences().get(error.code, str(error))
                raise forms.ValidationError(sentence, code=error.code) from error
            except DecodingTimeout as error:
                raise forms.ValidationError(TOO_SLOW_SENTENCE, code="image_unreadable") from error
            file.seek(0)
        return file

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        # Not every system knows HEIC and AVIF as images, so their extensions are listed as well.
        return {**super().widget_attrs(widget), "accept": "image/*,.heic,.heif,.avif"}


class PhotoForm(forms.ModelForm):
    class Meta:
        model = ProductImage
        fields = ("position", "file")
        help_texts = {
            "position": _("Results show the first photo. A photo without a position comes last.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        if self.instance.pk is None:
            self.initial["position"] = None

    def validate_constraints(self) -> None:
        """Does nothing: the formset checks positions, as photos may swap them."""


class PhotoFormSet(forms.BaseInlineFormSet):
    """All photos of a product. It refuses equal positions and puts photos without one last."""

    def clean(self) -> None:
        super().clean()
        kept = [f for f in self.forms if f.has_changed() or f.instance.pk]
        kept = [form for form in kept if form not in self.deleted_forms and form.is_valid()]
        positions = {form: form.cleaned_data.get("position") for form in kept}
        last = max(
            (position for position in positions.values() if position is not None), default=-1
        )
        for form in kept:
            if positions[form] is None:
                last += 1
                form.instance.position = last


class ProductImageInline(StackedInline):
    model = ProductImage
    form, formset = PhotoForm, PhotoFormSet
    classes = ("min-w-0",)  # without it, the form is wider than a phone
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
        return render_thumbnail(image)


def render_thumbnail(image: ProductImage, alt: str = "") -> str:
    """Returns an img element for a photo, or a dash without a file. `alt`: a text in place of the
    photo, if it stands alone in a link."""
    if not image.file:
        return "–"
    return format_html('<img src="{}" width="56" height="56" alt="{}">', image.file.url, alt)
