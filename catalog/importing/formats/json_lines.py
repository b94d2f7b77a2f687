"""JSON Lines: one product a line, with the names of Vitrina's own fields."""

import json
from collections.abc import Iterator
from typing import ClassVar

from catalog.importing.errors import FeedCutOff, ImportFailed
from catalog.importing.formats.feed import Feed, Line, Row
from catalog.importing.formats.text_encoding import cannot_read
from catalog.importing.records import RecordError


class JsonLines(Feed):
    """Yields what each line holds, unchanged. Fields that products do not have become
    attributes."""

    format: ClassVar[str] = "jsonl"
    needs_images: ClassVar[bool] = True

    def _read(self) -> Iterator[Line]:
        for number, line in enumerate(self._read_lines(), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except UnicodeDecodeError:
                yield number, RecordError("not UTF-8 text")
            except (ValueError, RecursionError) as error:
                if not line.endswith(b"\n"):
                    raise FeedCutOff(
                        f"{self.path.name}: the file ends in the middle of line {number}."
                    ) from error
                yield number, RecordError(f"not valid JSON: {error}")
            else:
                if isinstance(row, dict):
                    self.understood.update((name, name) for name in row)
                yield number, row

    def _complete(self, line: int, row: Row) -> Row:
        return row

    def _read_lines(self) -> Iterator[bytes]:
        if self.source.encoding.startswith(("utf-16", "utf-32")):
            with self.source.open() as text:
                yield from (line.encode() for line in text)
            return
        try:
            with self.path.open("rb") as file:
                yield from file
        except OSError as error:
            raise cannot_read(self.path, error) from error


def may_be(start: str) -> bool:
    """Returns whether a file that starts with this text is JSON Lines."""
    return start.lstrip().startswith("{")


def refuse_array(name: str) -> ImportFailed:
    return ImportFailed(f"{name}: the file is one JSON list. Write one object a line instead.")
