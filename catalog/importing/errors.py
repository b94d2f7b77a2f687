"""Why an import ends early."""


class ImportFailed(Exception):
    """An import has ended early; the message says why."""


class FeedCutOff(ImportFailed):
    """A file ends in the middle, for example because a download broke off. The products before the
    end are good, but products that the file does not name may still exist in the shop."""
