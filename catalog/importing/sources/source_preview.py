"""Shows what a pull of a source would read: its feed is fetched only as far as that needs."""

from dataclasses import dataclass

from catalog.importing.dry_run import PAGE_TIME_LIMIT_S, Preview, PreviewLimits, preview_file
from catalog.importing.sources.feed_starts import open_feed_start
from catalog.importing.sources.reading_options import options_of
from catalog.models import Source


@dataclass(frozen=True)
class SourcePreview:
    """`is_cut`: only the beginning of the feed was fetched."""

    preview: Preview
    is_cut: bool


def preview_source(source: Source) -> SourcePreview:
    """Reads the beginning of the feed of a source, which need not be saved. Writes nothing. Raises
    ImportFailed and FetchFailed."""
    options = options_of(source)
    with open_feed_start(source.address) as (path, is_cut):
        limits = PreviewLimits(time_limit_s=PAGE_TIME_LIMIT_S, is_cut=is_cut)
        preview = preview_file(
            path,
            options.file_format,
            options.columns,
            options.feed,
            limits,
            is_partial=not source.is_full,
        )
        return SourcePreview(preview, is_cut)
