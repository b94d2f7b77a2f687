"""The documents, and what they name: headings, links, code spans and lines of shell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^\s*```(\w*)\n(.*?)^\s*```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """A text of Markdown and the file that it is in."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What `#…` may name: the headings as GitHub spells them in addresses."""
        headings = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(self.prose))
        return {heading.replace(" ", "-") for heading in headings}

    @property
    def links(self) -> list[str]:
        return LINK.findall(self.prose)

    @property
    def spans(self) -> list[str]:
        """The code in the text; a `\\|` of a table is a bar."""
        return [span.replace("\\|", "|") for span in SPAN.findall(self.prose)]

    @property
    def shell_lines(self) -> Iterator[str]:
        """The commands of shell blocks, continued lines joined, without comments."""
        for language, block in FENCE.findall(self.text):
            if language == "sh":
                for line in block.replace("\\\n", " ").splitlines():
                    if command := re.sub(r"(^|\s)#.*", "", line).strip():
                        yield command


def documents() -> list[Document]:
    """Every document of the tree, except in folders of tools and data (`.venv`, `.data`)."""
    folders = [f for f in ROOT.iterdir() if f.is_dir() and not f.name.startswith(".")]
    found = [*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]
    return [Document(path, path.read_text()) for path in sorted(found)]
