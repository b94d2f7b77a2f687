"""Rules for the layout of the code: files, functions and folders stay small, packages say what they
are for, and file names are unique."""

import ast
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_FOLDER_ENTRIES = 15
NOT_COUNTED = {"__init__.py", "apps.py", "conftest.py", "management"}
CODE = {".py", ".html", ".css", ".js", ".sh"}
GROWING = {".", "docs/decisions"}
CONVENTIONAL = {"__init__", "models", "views", "urls", "serializers", "apps", "admin", "errors"}
CONVENTIONAL |= {"adapter", "asgi", "wsgi", "manage", "settings"}


@pytest.fixture(scope="module")
def files() -> list[PurePosixPath]:
    """All files of the repository, without migrations."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this copy has no git repository")
    paths = [PurePosixPath(name) for name in listed.stdout.split("\0") if name]
    return [
        path for path in paths if "migrations" not in path.parts and (REPOSITORY / path).exists()
    ]


@pytest.fixture(scope="module")
def modules(files: list[PurePosixPath]) -> dict[PurePosixPath, str]:
    """The text of each Python file."""
    return {path: (REPOSITORY / path).read_text() for path in files if path.suffix == ".py"}


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_no_file_is_too_long(modules: dict[PurePosixPath, str]) -> None:
    lines = {str(path): len(text.splitlines()) for path, text in modules.items()}

    assert {path: n for path, n in lines.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_too_long(modules: dict[PurePosixPath, str]) -> None:
    lines = {
        f"{path}:{function.name}": lines_of(function)
        for path, text in modules.items()
        for function in functions(text)
    }

    assert {name: n for name, n in lines.items() if n > MAX_FUNCTION_LINES} == {}


def test_no_folder_has_too_many_entries(files: list[PurePosixPath]) -> None:
    entries: dict[PurePosixPath, set[str]] = defaultdict(set)
    for path in files:
        if path.suffix in CODE:
            for part in (path, *path.parents):
                entries[part.parent].add(part.name)
    counts = {
        str(folder): len(names - NOT_COUNTED)
        for folder, names in entries.items()
        if str(folder) not in GROWING
    }

    assert {folder: n for folder, n in counts.items() if n > MAX_FOLDER_ENTRIES} == {}


def test_every_package_says_what_it_is_for(modules: dict[PurePosixPath, str]) -> None:
    packages = {
        path.parent
        for path in modules
        if path.parts[0] != "tests" and "management" not in path.parts and len(path.parts) > 1
    }

    silent = [
        str(package)
        for package in sorted(packages)
        if not ast.get_docstring(ast.parse(modules.get(package / "__init__.py", "")))
    ]
    assert silent == []


def test_no_two_modules_share_a_name(modules: dict[PurePosixPath, str]) -> None:
    names = Counter(path.stem for path in modules if path.parts[0] != "tests")

    assert {n: c for n, c in names.items() if c > 1 and n not in CONVENTIONAL} == {}
