"""Names in documents exist: files, headings, code, commands, addresses and metrics."""

import ast
import re

import pytest

from tests.docs.markdown import ROOT, SPAN, Document, documents
from tests.docs.names import CODE_FOLDERS, code, defines, unknown_names

RIGHT = [
    "[settings](settings.md#search)",
    "`search/photo_search.py`",
    "`search/photo_search.py:search`",
    "`publishing.roll_back`",
    "`catalog_generation.match`",
    "`python manage.py index rebuild --encoder NAME --no-publish`",
    "`make test-long`",
    "`python -m config.embedded_postgres start|stop`",
    "`POST /api/v1/search/photo/`",
    "`vitrina_index_fresh == 0`",
    "```sh\npython manage.py evaluate photos.jsonl --json > figures.json  # by kind\n```",
]
WRONG = [
    "[settings](setting.md)",
    "[settings](settings.md#searches)",
    "`search/photo_searching.py`",
    "`search/photo_search.py:searching`",
    "`photo_searching.py`",
    "`publishing.roll_forward`",
    "`LiveIndex.encode_sounds`",
    "`catalog_generation.matched`",
    "`catalog_generations`",
    "`ENCODERS_DEVICE=cpu`",
    "`python manage.py index rebuild --encoders NAME`",
    "`python manage.py reindex`",
    "`index publish NAME`",
    "`--encoders NAME`",
    "`make tests`",
    "`python -m config.embedded_postgres begin`",
    "`POST /api/v1/search/text/`",
    "`/api/v1/searches/`",
    "`/product/{id}/`",
    "`vitrina_index_freshness == 0`",
    "```sh\npython manage.py evaluate photos.jsonl --xml\n```",
    "```sh\ncurl -F image=@catalog/demo/photos/none.jpg http://127.0.0.1:8000/api/\n```",
    "```sh\ncurl http://127.0.0.1:8000/api/v1/find/\n```",
]


def document_of(text: str) -> Document:
    return Document(ROOT / "docs" / "an_example.md", text)


def test_names_in_documents_exist() -> None:
    assert [wrong for document in documents() for wrong in unknown_names(document)] == []


@pytest.mark.parametrize("name", ["operations.md", "clicks.md"])
def test_labels_of_the_console_exist(name: str) -> None:
    prose = " ".join(Document(ROOT, (ROOT / "docs" / name).read_text()).prose.split())
    labels = re.findall(r'"([A-Z][^"]*)"', prose)

    assert labels
    assert [label for label in labels if label not in code()] == []


def test_documents_that_the_source_names_exist() -> None:
    named = set(re.findall(r"(?<![/\w])docs/[\w/.-]*\w", code()))

    assert "docs/settings.md" in named
    assert [name for name in named if not any(ROOT.glob(f"{name}*"))] == []


ROOM = re.compile(r"^\| `(\w+/\w[\w/]*)/` \| .* \|(.*)\|$", re.MULTILINE)
NO_ROOMS = {"management", "commands", "migrations", "templatetags"}


def test_map_lists_every_room() -> None:
    rooms = {path.parent for f in CODE_FOLDERS for path in (ROOT / f).glob("*/**/__init__.py")}
    names = {str(room.relative_to(ROOT)) for room in rooms if not NO_ROOMS & set(room.parts)}

    assert {room for room, _ in rooms_in_map()} == names


def test_map_agrees_with_docstrings() -> None:
    for room, for_others in rooms_in_map():
        docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
        documented = {name.split(".")[0].split("(")[0] for name in SPAN.findall(docstring)}
        for name in SPAN.findall(for_others):
            file = f"{room}/{name}.py"
            assert (ROOT / file).exists() or defines(f"{room}/__init__.py", [name]), file
            assert name in documented, f"{name} is not in the docstring of {room}"


def rooms_in_map() -> list[tuple[str, str]]:
    """The folders of the map in docs/architecture.md, with what others may use of each."""
    return ROOM.findall((ROOT / "docs" / "architecture.md").read_text())


@pytest.mark.parametrize("text", RIGHT)
def test_existing_names_pass(text: str) -> None:
    assert unknown_names(document_of(text)) == []


@pytest.mark.parametrize("text", WRONG)
def test_missing_names_are_found(text: str) -> None:
    assert unknown_names(document_of(text)) != []
