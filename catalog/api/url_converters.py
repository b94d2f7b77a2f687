"""The URL path converters that the page and the API share. Importing this module registers them."""

from django.urls import register_converter


class RowIdConverter:
    """A database id of at most 18 digits, which fit in 63 bits."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(RowIdConverter, "rowid")
