"""Checks that names in documents exist: files, code, commands, addresses and metrics."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.core.management import CommandError, get_commands, load_command_class
from django.urls import Resolver404, resolve

from search.api import problem_details
from tests.docs.markdown import ROOT, Document

APPS = ("catalog", "indexing", "search")
CODE_FOLDERS = (*APPS, "config", "static", "templates")
CODE_ENDINGS = (".py", ".html", ".js", ".css")
SOURCE_ENDINGS = (*CODE_ENDINGS, ".md", ".sh", ".toml", ".yaml", ".po")
DATA_ENDINGS = (".json", ".jsonl", ".tsv", ".txt", ".safetensors", ".pt", ".jpg", ".png", ".webp")
SYSTEM = re.compile(r"/(dev|root|tmp|var)(/|$)")
ADDRESS = re.compile(r"(?:(GET|POST) )?(/[^ ]*)")
SERVED = re.compile(r"http://127\.0\.0\.1:8000(/[^\s>)\"`…]*)")
METRIC = re.compile(r"vitrina_\w+(?=[{ ]|$)")
PLACEHOLDERS = {"N": "1", "ID": "1", "RUN": "1"}
# Names that belong to other programs, and a column of a data source.
ELSEWHERE = {"TMPDIR", "gthread", "max_prepared_statements", "server_side_binding", "subgroup"}
ELSEWHERE |= {"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_SECRET_ACCESS_KEY"}
ELSEWHERE |= {"Secure", "SSL_CERT_FILE", "pg_dump", "pg_restore", "pg_upgrade"}


@cache
def tree() -> frozenset[str]:
    """The files and folders of the tree, as paths from its root."""
    folders = [f for f in ROOT.iterdir() if not f.name.startswith(".") and f.is_dir()]
    found = [*ROOT.iterdir(), *(path for folder in folders for path in folder.rglob("*"))]
    files = [p.relative_to(ROOT) for p in found if p.is_file() and "__pycache__" not in p.parts]
    return frozenset(str(path) for file in files for path in (file, *file.parents))


@cache
def code() -> str:
    """The source of the project, without its tests and documents, as one text."""
    files = ["Makefile", "Dockerfile", "compose.yaml", "manage.py", "pyproject.toml"]
    files += [p for p in tree() if re.match(r"requirements.*\.txt", p)]
    files += [p for p in tree() if p.startswith(CODE_FOLDERS) and p.endswith(CODE_ENDINGS)]
    return "\n".join((ROOT / path).read_text() for path in sorted(files))


@cache
def words() -> frozenset[str]:
    """The identifiers and words of the source."""
    return frozenset(re.findall(r"\w+", code()))


@cache
def tables() -> dict[str, set[str]]:
    """The columns of each table of the database."""
    return {m._meta.db_table: {f.column for f in m._meta.fields} for m in apps.get_models()}


def quoted(text: str) -> bool:
    """Whether the source contains this string literal."""
    return f'"{text}"' in code()


# --- Files and links ----------------------------------------------------------------------------
def is_file(name: str, document: Document) -> bool:
    """Whether the name is a path from the root, a path from the document, or the end of a path
    (`trainer.py`). Files that the program creates must occur in the source instead."""
    name = name.rstrip("/").removeprefix("./")
    pattern = (
        re.sub(r"\*+", "*", re.sub(r"[A-Z]{2,}|\bN\b", "*", name)) if "_DIR" not in name else ""
    )
    if name in tree() or (document.path.parent / name).exists():
        return True
    if "*" in pattern and any(document.path.parent.glob(pattern)):
        return True
    if any(path.endswith(f"/{name}") for path in tree()):
        return True
    return not name.endswith(SOURCE_ENDINGS) and re.sub(r".*/", "", name) in code()


def is_link(target: str, document: Document) -> bool:
    """Whether a link leads to a file, and to a heading of it. Other sites are not checked."""
    if re.match("https?:|mailto:", target):
        return True
    path, _, anchor = target.partition("#")
    there = (document.path.parent / path).resolve() if path else document.path
    if not there.exists():
        return False
    text = document.text if there == document.path else there.read_text() if anchor else ""
    return not anchor or anchor in Document(there, text).anchors


# --- Code ---------------------------------------------------------------------------------------
def defined_in(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Yields the functions, classes, variables and imports that the statements define."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.name, node) for alias in node.names)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            for name in getattr(target, "elts", [target]):
                yield getattr(name, "id", ""), node


def defines(file: str, names: list[str]) -> bool:
    """Whether the module defines the first name, that one the second, and so on."""
    body = ast.parse((ROOT / file).read_text()).body
    for name in names:
        node = dict(defined_in(body)).get(name)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return True


def is_dotted(name: str) -> bool:
    """Whether `module.name`, `Class.member`, `table.column` or a path in JSON exists."""
    parts = re.sub(r"\(.*\)$", "", name).split(".")
    for cut in range(len(parts), 0, -1):
        path = "/".join(parts[:cut])
        ends = (f"/{path}.py", f"/{path}/__init__.py")
        if modules := [p for p in tree() if f"/{p}".endswith(ends) and p.startswith(CODE_FOLDERS)]:
            known = any(defines(module, parts[cut:]) for module in modules)
            return known or all(map(quoted, parts))
    if parts[0] in tables():
        return parts[1] in tables()[parts[0]]
    classes = [p for p in tree() if p.startswith(APPS) and p.endswith(".py")]
    if re.search(rf"^class {parts[0]}\b", code(), re.MULTILINE):
        return any(defines(file, parts) for file in classes)
    return name in code() or all(part in words() for part in parts)


# --- Addresses, commands and metrics ------------------------------------------------------------
def is_address(method: str, address: str) -> bool:
    """Whether a view answers this method at this address."""
    if SYSTEM.match(address):
        return True
    try:
        view = resolve(re.sub(r"\{\w+\}", "1", address.partition("?")[0])).func
    except Resolver404:
        return False
    if view is problem_details.not_found:
        return address == "/api/"
    methods = getattr(view, "cls", getattr(view, "view_class", None))
    return method == "GET" or hasattr(methods, method.lower())


def is_metric(name: str) -> bool:
    """Whether the source defines a metric of this name."""
    short = name.removeprefix("vitrina_index_")
    gauge = re.search(rf'gauge\(\s*"{short}"', code())
    return quoted(name) or quoted(name.removesuffix("_total")) or gauge is not None


@cache
def parser_of(command: str) -> object:
    """The argument parser of a management command."""
    found = load_command_class(get_commands()[command], command)
    return found.create_parser("manage.py", command)


def own_commands() -> set[str]:
    """The management commands of the project's own applications."""
    return {name for name, app in get_commands().items() if app in APPS}


def is_option(option: str) -> bool:
    """Whether one of the project's commands has this option, or the source contains it."""
    parsers = [parser_of(name) for name in own_commands()]
    for action in parser_of("index")._subparsers._group_actions:
        parsers += action.choices.values()
    return quoted(option) or any(option in parser._option_string_actions for parser in parsers)


def is_command(line: str, document: Document) -> bool:
    """Whether the command exists and accepts its options. Of other programs, only uploaded files
    are checked."""
    parts = shlex.split(line.partition(" > ")[0])
    while parts and (re.match(r"[A-Z_]+=", parts[0]) or re.search(r"python$", parts[0])):
        parts.pop(0)
    if parts[:1] == ["make"]:
        targets = re.findall(r"^([\w-]+|\$\(VENV\)/\w+):", (ROOT / "Makefile").read_text(), re.M)
        known = {target.replace("$(VENV)", ".venv") for target in targets}
        return {p for p in parts[1:] if "=" not in p} <= known
    if parts[:1] == ["-m"]:
        module = parts[1].replace(".", "/")
        there = tree() & {f"{module}.py", f"{module}/__main__.py"}
        rest = [word for part in parts[2:] for word in part.split("|")]
        return any(all(w in (ROOT / file).read_text() for w in rest) for file in there)
    if parts[:1] == ["manage.py"]:
        parts.pop(0)
        return not parts or (parts[0] in get_commands() and is_parsed(*parts))
    if parts and parts[0] in own_commands():
        return is_parsed(*parts)
    files = [part.partition("@")[2] for part in parts if part.startswith("image=@")]
    return all(is_file(file, document) for file in files)


def is_parsed(command: str, *arguments: str) -> bool:
    """Whether the command accepts the arguments, each alternative of `a|b`. A bare name passes."""
    for index, part in enumerate(arguments):
        if "|" in part:
            each = part.split("|")
            return all(is_parsed(command, *arguments[:index], word) for word in each)
    try:
        if arguments:
            parser_of(command).parse_args([PLACEHOLDERS.get(part, part) for part in arguments])
    except (CommandError, SystemExit):
        return False
    return True


# --- All of it ----------------------------------------------------------------------------------
def is_known(span: str, document: Document) -> bool:
    """Whether the name in a code span exists. Spans that are no names pass."""
    first = span.split(" ")[0]
    if metric := METRIC.match(span):
        return is_metric(metric[0])
    if address := ADDRESS.fullmatch(span):
        return is_address(address[1] or "GET", address[2])
    if re.fullmatch(r"[\w/.]+\.py:\w+", span):
        file, _, name = span.partition(":")
        return file in tree() and defines(file, [name])
    if re.fullmatch(r"-[a-z]|--?[a-z][a-z-]+", first):
        return is_option(first)
    if first in ("make", "python", "manage.py", *own_commands()) and " " in span:
        return is_command(span, document)
    if re.fullmatch(r"[\w.*<>-]+(/[\w.*<>-]+)*/?", span) and (
        span.endswith(("/", *SOURCE_ENDINGS, *DATA_ENDINGS))
        or re.match(r"[.a-z]\S*/|DATA_DIR/", span)
    ):
        return is_file(span, document)
    if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(\(.*\))?", span):
        return is_dotted(span)
    if re.fullmatch(r"[A-Z][A-Z0-9_]+=.*|[A-Za-z_]\w*(\(\))?", span):
        name = re.findall(r"\w+", span)[0]
        return any(name in each for each in (words(), tables(), tree(), ELSEWHERE))
    return True


def unknown_names(document: Document) -> list[str]:
    """Returns the names in the document that do not exist. Only the links of ATTRIBUTION.md files
    are checked."""
    wrong = [link for link in document.links if not is_link(link, document)]
    if document.path.name != "ATTRIBUTION.md":
        wrong += [span for span in document.spans if not is_known(span, document)]
        wrong += [line for line in document.shell_lines if not is_command(line, document)]
        wrong += [url for url in SERVED.findall(document.text) if not is_address("GET", url)]
    return [f"{document.path.relative_to(ROOT)}: {name}" for name in wrong]
