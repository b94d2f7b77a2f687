"""Why an import ends early, and numbers in the sentences about imports."""

from django.utils.formats import number_format


class ImportFailed(Exception):
    """An import has ended early; the message says why."""


class FeedCutOff(ImportFailed):
    """A file ends in the middle, for example because a download broke off. The products before the
    end are good, but products that the file does not name may still exist in the shop."""


def grouped(number: int) -> str:
    """Returns a whole number with marks between thousands, as the active language writes it."""
    return str(number_format(number, force_grouping=True))
