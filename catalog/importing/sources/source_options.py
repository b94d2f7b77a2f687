"""How the feed of a source is read."""

import json
from dataclasses import dataclass

from catalog.importing.formats.column_mapping import ColumnMapping, parse_mapping
from catalog.importing.formats.feed import FeedOptions
from catalog.models import Source
from catalog.models.product import content_hash


@dataclass(frozen=True)
class SourceOptions:
    """The arguments of `files.import_file` for a source. `checksum` changes with any of them."""

    file_format: str | None
    mapping: ColumnMapping | None
    feed: FeedOptions
    checksum: str


def options_of(source: Source) -> SourceOptions:
    """Returns the options of a source. Raises ImportFailed for a mapping that is none."""
    mapping = parse_mapping(source.mapping, "The mapping") if source.mapping else None
    given = [source.address, source.format, source.mapping, source.currency, source.is_full]
    return SourceOptions(
        source.format or None,
        mapping,
        FeedOptions(currency=source.currency.upper()),
        content_hash(json.dumps(given, sort_keys=True).encode()),
    )
