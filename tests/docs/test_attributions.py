"""Every picture that the project brings along has an author and a permissive licence."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "catalog" / "demo"
BACKGROUNDS = ROOT / "indexing" / "training" / "backgrounds"
EMOJI = ROOT / "indexing" / "training" / "emoji"
NOTHING = ROOT / "indexing" / "quality" / "nothing"
PERMISSIVE = {
    *("public domain", "CC0-1.0", "CC-BY-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-3.0-US"),
    *("CC-BY-4.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "Unicode-3.0", "OFL-1.1"),
}


class Entry(NamedTuple):
    """A row of ATTRIBUTION.md. `patterns` match names of files. `number`: of files, if it says."""

    patterns: tuple[str, ...]
    number: int | None
    licences: frozenset[str]

    def covers(self, stem: str) -> bool:
        return any(fnmatch(stem, pattern) for pattern in self.patterns)


def read_entries(folder: Path) -> Iterator[Entry]:
    """Reads the tables whose first column names files. Below a heading that is a source, the names
    lack the source. A row whose licence is "below" only counts."""
    prefix = ""
    for line in (folder / "ATTRIBUTION.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            prefix = "" if line[3:4].isupper() else f"{line[3:]}-"
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.match(r"\| `", line):
            continue
        patterns = tuple(prefix + name for name in re.findall("`([^`]+)`", cells[0]))
        number = int(cells[1]) if cells[1].isdigit() else None
        yield Entry(patterns, number, split_licences(cells[-1]))


def split_licences(cell: str) -> frozenset[str]:
    """Makes {"Apache-2.0", "MIT"} of "[Apache-2.0](text); the package MIT"."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell)
    return frozenset(re.split(r"; (?:the package )?", text)) - {"below"}


def find_unlicensed(names: dict[Path, str], entries: list[Entry]) -> list[str]:
    """Returns the files that are not in exactly one entry with licences, all of them permissive."""
    found = {
        path: [entry for entry in entries if entry.covers(name) and entry.licences]
        for path, name in names.items()
    }
    return [
        path.name
        for path, rows in found.items()
        if len(rows) != 1 or not rows[0].licences <= PERMISSIVE
    ]


def list_pictures(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in {".webp", ".jpg", ".png"}]


@pytest.mark.parametrize(
    ("folder", "pictures"),
    [(BACKGROUNDS, BACKGROUNDS), (NOTHING, NOTHING / "photos")],
    ids=["backgrounds", "nothing"],
)
def test_each_picture_is_listed_once_with_a_permissive_licence(
    folder: Path, pictures: Path
) -> None:
    entries = list(read_entries(folder))
    names = {path: path.stem for path in list_pictures(pictures)}

    assert names
    assert find_unlicensed(names, entries) == []
    counted = [sum(map(entry.covers, names.values())) for entry in entries]
    assert 0 not in counted, "an entry without a file"
    assert [
        n for n, entry in zip(counted, entries, strict=True) if entry.number not in (None, n)
    ] == []


def test_each_emoji_is_listed_with_a_permissive_licence() -> None:
    entries = list(read_entries(EMOJI))
    names = {
        path: re.sub("^[0-9A-F-]+(?=-noto|$)", "HEXCODE", path.stem) + path.suffix
        for path in list_pictures(EMOJI)
    }

    assert set(names.values()) == {"HEXCODE.webp", "HEXCODE-noto.webp"}
    assert find_unlicensed(names, entries) == []


@pytest.mark.parametrize(
    ("photos_of", "backgrounds_of"),
    [(DEMO / "strange", DEMO / "strange"), (DEMO / "unseen", BACKGROUNDS)],
    ids=["strange", "unseen"],
)
def test_products_and_backgrounds_of_composed_photos_have_permissive_licences(
    photos_of: Path, backgrounds_of: Path
) -> None:
    entries = list(read_entries(backgrounds_of))
    photos = list_pictures(photos_of / "photos")
    backgrounds = {path: path.stem.partition("__")[2] for path in photos}
    skus = {re.sub(r"-\d+__.*", "", path.stem) for path in photos}

    assert find_unlicensed(backgrounds, entries) == []
    assert skus <= read_product_skus()


@pytest.mark.parametrize(
    "folder", [DEMO, ROOT / "indexing" / "training" / "photos"], ids=["demo", "training"]
)
def test_each_photo_shows_listed_products_with_permissive_licences(folder: Path) -> None:
    lists = [path for path in folder.glob("*.jsonl") if path.stem in ("photos", "unseen")]
    rows = [json.loads(line) for path in lists for line in path.read_text("utf-8").splitlines()]
    shown = {other["sku"] for row in rows for other in row["others"]} | {row["sku"] for row in rows}
    pictures = list_pictures((folder / rows[0]["file"]).parent)

    assert shown <= read_product_skus()
    assert {path.relative_to(folder).as_posix() for path in pictures} == {r["file"] for r in rows}


def test_all_products_of_the_demo_have_permissive_licences() -> None:
    rows = (DEMO / "catalog.jsonl").read_text("utf-8").splitlines()
    skus = {match[1] for row in rows if (match := re.search('"sku": "([^"]+)"', row))}

    assert len(skus) == len(rows)
    assert skus == read_product_skus()


def read_product_skus() -> set[str]:
    """Returns the skus below headings such as "## Author, CC0-1.0", with permissive licences."""
    skus, permissive = set(), False
    for line in (DEMO / "ATTRIBUTION.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            permissive = line.rpartition(", ")[2] in PERMISSIVE
        elif permissive and (match := re.match("- `([^`]+)`", line)):
            skus.add(match[1])
    return skus
