"""Numbers in sentences."""

from django.utils.formats import number_format


def grouped(number: int) -> str:
    """Returns a whole number with marks between thousands, as the active language writes it."""
    return str(number_format(number, force_grouping=True))
