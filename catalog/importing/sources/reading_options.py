"""How a feed is read: that of a source, or a file that an operator uploads."""

import json
from dataclasses import dataclass
from typing import Any

from catalog.importing.formats.column_mapping import ColumnMapping, parse_mapping
from catalog.importing.formats.feed import FeedOptions
from catalog.models import Source
from catalog.models.product import content_hash


@dataclass(frozen=True)
class ReadingOptions:
    """What an operator says about a feed. What is empty is found by the content of the feed."""

    format: str = ""
    mapping: Any = None
    currency: str = ""

    @property
    def file_format(self) -> str | None:
        return self.format or None

    @property
    def columns(self) -> ColumnMapping | None:
        """The mapping as it is understood. Raises ImportFailed for one that is none."""
        return parse_mapping(self.mapping, "The mapping") if self.mapping else None

    @property
    def feed(self) -> FeedOptions:
        return FeedOptions(currency=self.currency.upper())


def options_of(source: Source) -> ReadingOptions:
    return ReadingOptions(source.format, source.mapping, source.currency)


def options_checksum(source: Source) -> str:
    """Returns a hash that changes with anything that decides how the feed of a source is read."""
    given = [source.address, source.format, source.mapping, source.currency, source.is_full]
    return content_hash(json.dumps(given, sort_keys=True).encode())
