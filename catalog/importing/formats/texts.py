"""Turns the texts of a shop's export into plain texts, lists, flags and category paths."""

import html
import re
from collections.abc import Sequence
from functools import lru_cache
from html.parser import HTMLParser

_BLOCKS = {
    *("p", "br", "div", "li", "ul", "ol", "tr", "table", "section", "article", "hr", "dt", "dd"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "figure"),
}
_HIDDEN = {"script", "style", "head", "template", "iframe"}
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_YES = {"1", "true", "yes", "y", "on", "да", "ja", "oui", "si", "sí", "instock", "available"}
_NO = {"0", "false", "no", "n", "off", "нет", "nein", "non", "outofstock", "soldout", "unavailable"}
CATEGORY_SEPARATOR = " > "


def html_to_text(text: str) -> str:
    """Returns the words of HTML, a line for each block. A text without tags keeps its lines. Markup
    that was escaped once too often becomes text as well."""
    for _ in range(2):
        if "&" not in text and not _TAG.search(text):
            break
        text = _read_html(text)
    return text.strip()


def join_texts(*texts: str) -> str:
    """Returns the words of several texts of HTML, one below the other."""
    return html_to_text("\n\n".join(filter(None, texts)))


def one_line(text: str) -> str:
    """Returns a text without tags, entities and line breaks, such as a title."""
    if "&" in text or "<" in text:
        text = html_to_text(text)
    return " ".join(text.split())


def cut(text: str, size: int) -> str:
    """Returns the text, cut after a word if it has more than `size` characters."""
    if len(text) <= size:
        return text
    kept = text[: size - 1]
    space = kept.rfind(" ")
    return f"{(kept[:space] if space > size // 2 else kept).rstrip()}…"


def read_flag(text: str) -> bool | None:
    """Reads yes or no, also as a number of pieces in stock. Returns None if the text is neither."""
    word = re.sub(r"[\s_-]", "", text.lower()) if not text.strip().startswith("-") else text.strip()
    if word in _YES or word in _NO:
        return word in _YES
    try:
        return float(word.replace(",", ".")) > 0
    except ValueError:
        return None


def split_escaped(text: str, separator: str) -> list[str]:
    """Splits at `separator`, one character, but not where a backslash stands before it."""
    if f"\\{separator}" not in text:
        parts = text.split(separator)
    else:
        parts = [
            part.replace(f"\\{separator}", separator)
            for part in re.split(rf"(?<!\\){re.escape(separator)}", text)
        ]
    return [part.strip() for part in parts if part.strip()]


def split_words(text: str) -> list[str]:
    """Splits keywords at bars, semicolons or commas, whichever comes first in this list."""
    separator = next((mark for mark in "|;" if mark in text), ",")
    return [part.strip() for part in text.split(separator) if part.strip()]


def split_images(text: str) -> list[str]:
    """Splits paths and addresses of images at bars, line breaks, semicolons and commas. A comma
    inside an address stays."""
    if "://" in text:
        parts = re.split(r"[|\n]|[,;\s]\s*(?=https?://)", text)
    else:
        parts = re.split(r"[|\n;,]", text)
    return [part.strip() for part in parts if part.strip()]


def join_category(names: Sequence[str]) -> str:
    """Returns a path as products have it, "Garden > Lamps". The sign > inside a name becomes ›."""
    steps = (one_line(name).replace(">", "›").strip() for name in names)
    return CATEGORY_SEPARATOR.join(step for step in steps if step)


def deepest_first(paths: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the deepest of several paths, of equally deep ones the first, and the others in their
    order. Leaves out paths that a longer one goes through."""
    different = list(dict.fromkeys(path for path in paths if path))
    different = [
        path
        for path in different
        if not any(other.startswith(f"{path}{CATEGORY_SEPARATOR}") for other in different)
    ]
    deepest = max(different, key=lambda path: path.count(CATEGORY_SEPARATOR), default="")
    return deepest, [path for path in different if path != deepest]


@lru_cache(4_096)  # few categories have many products
def split_category(text: str) -> str:
    """Returns the path of a text such as "Garden > Lamps", in which a name may hold `&gt;`."""
    return join_category(text.split(">"))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            self._hidden.remove(tag)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _read_html(text: str) -> str:
    if not _TAG.search(text):  # the parser would take "a<b" for a tag
        return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    parser = _Words()
    parser.feed(text)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)
