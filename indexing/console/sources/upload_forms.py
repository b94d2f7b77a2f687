"""The form with which operators upload a file to import."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import LOOK, FileInput
from catalog.importing.formats.opening import FORMATS
from catalog.importing.sources.reading_options import ReadingOptions
from indexing.console.sources.source_forms import CodeField, MappingField


class EmptyMappingField(MappingField):
    """A mapping that is shown as an empty box, and not as `null`, until somebody writes one."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class UploadForm(forms.Form):
    """A file and how to read it."""

    file = forms.FileField(
        label=_lazy("File"),
        widget=FileInput(),
        help_text=_lazy(
            "A feed or an export of products, or a zip archive of one with its images."
        ),
    )
    format = forms.ChoiceField(
        label=_lazy("Format"),
        widget=forms.Select(attrs={"class": LOOK}),
        choices=[("", _lazy("found by the content")), *((name, name) for name in FORMATS)],
        required=False,
    )
    mapping = EmptyMappingField(
        label=_lazy("Mapping"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": LOOK}),
        help_text=_lazy(
            "JSON that says which column is which field, for a table with columns of its own."
            ' For example {"sku": "Number", "title": "Name", "price": "Price"}.'
        ),
    )
    currency = CodeField(
        label=_lazy("Currency"),
        widget=forms.TextInput(attrs={"class": LOOK}),
        required=False,
        max_length=3,
        help_text=_lazy("For prices that name none, such as USD."),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_UPLOAD_BYTES:
            most = settings.IMPORT_UPLOAD_BYTES // 1024**2
            raise ValidationError(
                _("This file is too large. Import files of at most %(most)s MB here.")
                % {"most": most}
            )
        return file

    def options(self) -> ReadingOptions:
        """Returns how the file is to be read, once the form is valid."""
        given = self.cleaned_data
        return ReadingOptions(given["format"], given["mapping"], given["currency"])
