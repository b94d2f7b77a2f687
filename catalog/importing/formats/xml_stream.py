"""Reads products from XML of any size, and is the base of formats that are XML.

Follows the advice on hostile XML of https://docs.python.org/3/library/xml.html: no document type
is loaded, no entity is expanded, and nothing is fetched."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from html.entities import html5
from typing import Any, ClassVar, TypeAlias

from lxml import etree

from catalog.importing.errors import FeedCutOff, ImportFailed
from catalog.importing.formats.feed import Feed, Row
from catalog.importing.formats.text_encoding import TextSource, cannot_read
from catalog.importing.records import RecordError

Element: TypeAlias = Any  # lxml has no types
MAX_PRODUCT_CHARACTERS = 4 << 20
_CHUNK_CHARACTERS = 1 << 16
_OWN_ENTITIES = re.compile(r"<!DOCTYPE[^>\[]*\[|<!ENTITY", re.IGNORECASE)
_NAMED_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][\w.-]{0,31});")
_OPEN_ENTITY = re.compile(r"&[\w.#-]{0,33}$")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MAX_PRUNED_DEPTH = 8


class XmlFeed(Feed):
    """XML with one element a product. `elements`: the names of the elements to read, without
    namespaces."""

    elements: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def _product(self, line: int, element: Element) -> Row | None:
        """Turns an element into a row of `Feed.rows`, or returns None for an element that is no
        product. Raises RecordError."""

    def _sku(self, element: Element) -> str:
        """Returns the sku of an element that cannot be read otherwise, or ""."""
        ids = (child for child in element.iterchildren("*") if local_name(child) == "id")
        return element.get("id", "") or next(map(text_of, ids), "")

    def _read(self) -> Iterator[tuple[int, Row | RecordError]]:
        for line, element in read_elements(self.source, self.elements):
            try:
                row: Row | RecordError | None = self._product(line, element)
            except RecordError as error:
                error.sku = self._sku(element)
                row = error
            if row is not None:
                yield line, row

    def _understand(self, element: str, field: str) -> None:
        self.understood.setdefault(element, field)

    def _ignore(self, element: str) -> None:
        if element not in self.ignored:
            self.ignored.append(element)


def read_elements(source: TextSource, names: tuple[str, ...]) -> Iterator[tuple[int, Element]]:
    """Yields (line number, element) for each element with one of the names, and forgets it after
    that. Raises ImportFailed for XML that is not well-formed or declares entities, and FeedCutOff
    if the file ends before its root element does."""
    parser = etree.XMLPullParser(
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in names],
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: Element | None = None
    inside = size = 0
    for text in _chunks(source):
        _feed(parser, text, source)
        for event, element in parser.read_events():
            if root is None:
                root = element.getroottree().getroot()
                _refuse_entities(root, source)
            inside += 1 if event == "start" else -1
            if event == "end":
                size = 0
                yield element.sourceline or 0, element
                element.clear()
        if root is not None:
            _prune(root, names)
        size = size + len(text) if inside else 0
        if size > MAX_PRODUCT_CHARACTERS:
            raise ImportFailed(f"{source.path.name}: one product is larger than the limit.")
    _close(parser, source)


def local_name(element: Element) -> str:
    """Returns the name of an element without its namespace, or without a prefix that the file does
    not declare."""
    name: str = element.tag
    return name.rpartition("}")[2].rpartition(":")[2]


def text_of(element: Element) -> str:
    """Returns all text inside an element."""
    return "".join(element.itertext()).strip() if len(element) else (element.text or "").strip()


def _chunks(source: TextSource) -> Iterator[str]:
    """Yields the text of the file in parts, with HTML's entities as characters and without control
    characters, which feeds have and XML has not."""
    rest, is_start = "", True
    with source.open() as file:
        while True:
            try:
                text = file.read(_CHUNK_CHARACTERS)
            except OSError as error:
                raise cannot_read(source.path, error) from error
            if is_start:
                text, is_start = text.lstrip("\ufeff \t\r\n"), False
                if _OWN_ENTITIES.search(text):
                    raise _entities_refused(source)
            if not text:
                break
            text = rest + text
            opened = _OPEN_ENTITY.search(text)
            cut = opened.start() if opened else len(text)
            text, rest = text[:cut], text[cut:]
            yield _NOT_XML.sub("", _NAMED_ENTITY.sub(_character, text))
    if rest:
        yield rest


def _character(entity: re.Match[str]) -> str:
    return html5.get(f"{entity[1]};", f"&amp;{entity[1]};")


def _feed(parser: etree.XMLPullParser, text: str, source: TextSource) -> None:
    try:
        parser.feed(text.encode("utf-8", "replace"))
    except etree.XMLSyntaxError as error:
        reason = _fatal_error(parser) or str(error)
        raise ImportFailed(f"{source.path.name}: the XML is broken: {reason}.") from error


def _close(parser: etree.XMLPullParser, source: TextSource) -> None:
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        # A prefix that is not declared is no fatal error.
        if reason := _fatal_error(parser):
            raise FeedCutOff(
                f"{source.path.name}: the file ends in the middle: {reason}."
            ) from error


def _fatal_error(parser: etree.XMLPullParser) -> str:
    """Returns what makes the XML unreadable and where, or "" if nothing does."""
    fatal = parser.feed_error_log.filter_from_fatals()
    return f"{' '.join(fatal[-1].message.split())}, line {fatal[-1].line}" if fatal else ""


def _refuse_entities(root: Element, source: TextSource) -> None:
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(iter(declared.iterentities()), None) is not None:
        raise _entities_refused(source)


def _entities_refused(source: TextSource) -> ImportFailed:
    return ImportFailed(
        f"{source.path.name}: the file declares entities or a document type of its own. Both can"
        " attack the reader, and no product needs them: remove the declaration."
    )


def _prune(root: Element, names: tuple[str, ...]) -> None:
    """Forgets what lies before the place that the parser has reached."""
    node = root
    for _ in range(_MAX_PRUNED_DEPTH):
        if not len(node) or local_name(node) in names:
            return
        del node[:-1]
        node = node[-1]
