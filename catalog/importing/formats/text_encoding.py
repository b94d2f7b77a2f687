"""Finds the encoding of a text file, and opens the file in it."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from charset_normalizer import from_bytes

from catalog.importing.errors import ImportFailed

UNREADABLE = "\U000f0ffd"  # a private character; stands for a byte that is not in the encoding
_MARKED = "vitrina.marked"
_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CYRILLIC = ["cp1251", "koi8_r", "cp866"]
_WESTERN = "cp1252"  # and nearly all of latin-1
_ESCAPED = re.compile("[\udc80-\udcff]")
_CYRILLIC_WORD = re.compile(r"(?<!\w)[а-яё]{2,}(?!\w)", re.IGNORECASE)
_WORD_OF_TWO_ALPHABETS = re.compile("[a-z][а-яё]|[а-яё][a-z]", re.IGNORECASE)

codecs.register_error(
    _MARKED,
    lambda error: (
        UNREADABLE * (error.end - error.start),  # type: ignore[attr-defined]
        error.end,  # type: ignore[attr-defined]
    ),
)


@dataclass(frozen=True)
class TextSource:
    """A text file and its encoding. `is_mixed`: some bytes do not fit the encoding, and read as
    UNREADABLE."""

    path: Path
    encoding: str
    is_mixed: bool = False

    def open(self) -> TextIO:
        """Opens the file without translating line ends. Raises ImportFailed."""
        try:
            return self.path.open(encoding=self.encoding, errors=_MARKED, newline="")
        except OSError as error:
            raise cannot_read(self.path, error) from error


def cannot_read(path: Path, error: OSError) -> ImportFailed:
    return ImportFailed(f"{path}: the file cannot be read: {error.strerror}.")


def find_encoding(path: Path, declared: str = "") -> TextSource:
    """Finds the encoding of a file: by its byte order mark, as UTF-8 if all or most of it is, by
    `declared` (the name that the file gives), or by its letters, which tell Cyrillic encodings from
    Western ones. Reads the file a few times in parts. Raises ImportFailed if it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        for mark, encoding in _BYTE_ORDER_MARKS:
            if start.startswith(mark):
                return TextSource(path, encoding, is_mixed=not _fits(path, encoding))
        if b"\0" in start[:200]:
            return TextSource(path, "utf-16-le" if start[1:2] == b"\0" else "utf-16-be")
        if _fits(path, "utf-8"):
            return TextSource(path, "utf-8")
        if _is_mostly_utf8(path):
            return TextSource(path, "utf-8", is_mixed=True)
        encoding = _legacy_name(declared) or _guess(path)
        return TextSource(path, encoding, is_mixed=not _fits(path, encoding))
    except OSError as error:
        raise cannot_read(path, error) from error


def _legacy_name(declared: str) -> str:
    """Returns Python's name of a declared encoding; "" for an unknown one and for UTF-8, which the
    file is not."""
    try:
        name = codecs.lookup(declared).name if declared else ""
    except LookupError:
        return ""
    return "" if name.startswith("utf") or name == "ascii" else name


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # A file that was cut off may end inside a character.
        return "unexpected end" in error.reason or "truncated" in error.reason
    return True


def _is_mostly_utf8(path: Path) -> bool:
    """Returns whether more characters beyond ASCII are UTF-8 than bytes are not."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        if not text.isascii():
            wrong = len(_ESCAPED.findall(text))
            bad += wrong
            good += len(text) - len(text.encode("ascii", "ignore")) - wrong
    return good > bad


def _guess(path: Path) -> str:
    """Guesses the encoding by the lines with letters beyond ASCII."""
    sample = bytearray()
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                sample += line[:4096]
            if len(sample) >= _SAMPLE_BYTES:
                break
    best = from_bytes(bytes(sample), cp_isolation=[*_CYRILLIC, _WESTERN]).best()
    if best is None or best.encoding not in _CYRILLIC:
        return _WESTERN
    text = sample.decode(best.encoding, "ignore")
    # "cafй" is "café": few accents among Latin letters look like anything.
    is_cyrillic = len(_CYRILLIC_WORD.findall(text)) > len(_WORD_OF_TWO_ALPHABETS.findall(text))
    return best.encoding if is_cyrillic else _WESTERN


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
