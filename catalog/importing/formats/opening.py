"""Finds the format of a file by its content, and opens it."""

import re
from pathlib import Path

from catalog.importing.errors import ImportFailed
from catalog.importing.formats import json_lines
from catalog.importing.formats.column_mapping import ColumnMapping
from catalog.importing.formats.feed import Feed, FeedOptions
from catalog.importing.formats.google import GoogleTable, GoogleXml
from catalog.importing.formats.json_lines import JsonLines
from catalog.importing.formats.magento import Magento
from catalog.importing.formats.own_columns import OwnColumns, describe_fields
from catalog.importing.formats.shopify import Shopify
from catalog.importing.formats.tables import Table, TableFeed, read_table
from catalog.importing.formats.text_encoding import TextSource, cannot_read, find_encoding
from catalog.importing.formats.woocommerce import WooCommerce
from catalog.importing.formats.xml_stream import XmlFeed
from catalog.importing.formats.yml import YandexMarket

# In the order in which a header is compared: those with columns like "sku" come last.
TABLES: tuple[type[TableFeed], ...] = (Shopify, WooCommerce, Magento, GoogleTable, OwnColumns)
XML: dict[str, type[XmlFeed]] = {
    **{"yml_catalog": YandexMarket, "rss": GoogleXml, "feed": GoogleXml},
    "rdf": GoogleXml,
}
FORMATS = (
    *("csv", "google", "jsonl", "magento", "ndjson", "shopify", "tsv", "woocommerce", "yml"),
)
"""The names for `open_feed`. ndjson is jsonl, and tsv is csv: the delimiter is found."""

_JSON_LINES = ("jsonl", "ndjson")
_BINARY = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"\x1f\x8b": "compressed",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "a spreadsheet in an old format",
}
_START_BYTES = 1 << 16
_DECLARED_ENCODING = re.compile(r"<\?xml[^>]*?encoding=[\"']([\w.:-]+)[\"']")
_ROOT = re.compile(r"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
_BEFORE_ROOT = re.compile(r"<!--.*?-->|<\?.*?\?>", re.DOTALL)


def open_feed(
    path: Path,
    file_format: str | None = None,
    mapping: ColumnMapping | None = None,
    options: FeedOptions | None = None,
) -> Feed:
    """Opens a file of products. `file_format`, one of FORMATS, insists on a format; `mapping` says
    what the columns of a table hold. Reads no products yet. Raises ImportFailed if the file cannot
    be read, or if its format is not known or not the one insisted on."""
    options = options or FeedOptions()
    start = _read_start(path)
    if file_format in _JSON_LINES:
        return JsonLines(TextSource(path, "utf-8"), options)
    source = find_encoding(path, _declared_encoding(start))
    text = _first_text(source)
    is_json = json_lines.may_be(text) or path.suffix.lower().lstrip(".") in _JSON_LINES
    if mapping is None and file_format is None and is_json:
        return JsonLines(source, options)
    if not text.strip():
        raise ImportFailed(f"{path.name}: the file is empty.")
    if text.startswith("<"):
        return _open_xml(source, text, file_format, options)
    if text.startswith("["):
        raise json_lines.refuse_array(path.name)
    _refuse_binary(path, start, text)
    return _open_table(read_table(source), file_format, mapping, options)


def _open_xml(source: TextSource, text: str, file_format: str | None, options: FeedOptions) -> Feed:
    root = _ROOT.search(_BEFORE_ROOT.sub("", text))
    feed = XML.get(root[1].lower()) if root else None
    if feed is None or file_format not in (None, feed.format):
        name = root[1] if root else ""
        raise ImportFailed(
            f"{source.path.name}: the XML begins with <{name}>. Known are <yml_catalog> of Yandex"
            " Market, and <rss> and <feed> of Google Merchant."
        )
    return feed(source, options)


def _open_table(
    table: Table, file_format: str | None, mapping: ColumnMapping | None, options: FeedOptions
) -> Feed:
    name = table.source.path.name
    if mapping is not None or file_format in ("csv", "tsv"):
        return OwnColumns(table, options, mapping)
    for feed in TABLES:
        if file_format in (None, feed.format) and feed.recognises(table.header):
            return feed(table, options)
    if file_format is not None:
        raise ImportFailed(
            f"{name}: the file does not have the columns of the format {file_format}. Its columns"
            f" are: {', '.join(table.header)}."
        )
    raise ImportFailed(
        f"{name}: the format is not known. Name one of {', '.join(FORMATS)}, or give a mapping that"
        f" says which column is which of {describe_fields()}. The columns of the file are:"
        f" {', '.join(table.header)[:500]}."
    )


def _read_start(path: Path) -> bytes:
    if not path.is_file():
        raise ImportFailed(f"{path}: there is no such file.")
    try:
        with path.open("rb") as file:
            return file.read(_START_BYTES)
    except OSError as error:
        raise cannot_read(path, error) from error


def _declared_encoding(start: bytes) -> str:
    declared = _DECLARED_ENCODING.search(start[:200].decode("ascii", "ignore"))
    return declared[1] if declared else ""


def _first_text(source: TextSource) -> str:
    with source.open() as file:
        return file.read(_START_BYTES).lstrip("\ufeff \t\r\n")


def _refuse_binary(path: Path, start: bytes, text: str) -> None:
    kind = next((kind for magic, kind in _BINARY.items() if start.startswith(magic)), "")
    if kind:
        raise ImportFailed(f"{path.name}: the file is {kind}. Export the products as CSV or XML.")
    if "\0" in text:
        raise ImportFailed(
            f"{path.name}: the format is not known; the file is not text. Known formats are"
            f" {', '.join(FORMATS)}."
        )
