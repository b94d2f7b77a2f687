"""Documents, and their headings, links, code spans and shell commands."""

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
    """A Markdown file and its text."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """The anchors of the headings, as GitHub makes them."""
        headings = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(self.prose))
        return {heading.replace(" ", "-") for heading in headings}

    @property
    def links(self) -> list[str]:
        return LINK.findall(self.prose)

    @property
    def spans(self) -> list[str]:
        """The code spans. An escaped bar in a table becomes a bar."""
        return [span.replace("\\|", "|") for span in SPAN.findall(self.prose)]

    @property
    def shell_lines(self) -> Iterator[str]:
        """Yields the commands of shell blocks without comments. Continued lines are joined."""
        for language, block in FENCE.findall(self.text):
            if language == "sh":
                for line in block.replace("\\\n", " ").splitlines():
                    if command := re.sub(r"(^|\s)#.*", "", line).strip():
                        yield command


def documents() -> list[Document]:
    """Every Markdown file of the tree, except in hidden folders (`.venv`, `.data`)."""
    folders = [f for f in ROOT.iterdir() if f.is_dir() and not f.name.startswith(".")]
    found = [*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]
    return [Document(path, path.read_text()) for path in sorted(found)]
