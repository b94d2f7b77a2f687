"""docs/settings.md lists every environment variable that the code reads, with its real default."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| (.*?) \|", re.MULTILINE)
READER = re.compile(r"(environment\.)?read_\w+|os\.getenv|os\.environ(\.get|\.pop|\.setdefault)?")
# Programs set these for the processes that they start.
SET_BY_PROGRAMS = {
    *("DJANGO_SETTINGS_MODULE", "ENDS_WITH", "Q_CLUSTER_NAME"),
    *("OPENBLAS_NUM_THREADS", "OMP_WAIT_POLICY"),
    *("RANK", "WORLD_SIZE", "LOCAL_RANK"),
}
# Loads the settings as a process with this number of cores does, and prints the value that each
# reader returned.
PROBE = """
import json, os, sys
cores, web = int(sys.argv[1]), sys.argv[2] == "web"
os.cpu_count = lambda: cores
from config import environment
values = {}
def recording(reader):
    def read(name, *arguments):
        value = reader(name, *arguments)
        values[str(name)] = value
        return value
    return read
for name, reader in list(vars(environment).items()):
    if name.startswith("read_"):
        setattr(environment, name, recording(reader))
if web:
    import config.web.gunicorn
from config import settings
for name in ("DATA_DIR", "HOST", "ENCODER", "SECRET_KEY"):
    values[name] = getattr(settings, name)
if settings.SECRET_KEY == (settings.DATA_DIR / "secret_key").read_text().strip():
    values["SECRET_KEY"] = settings.DATA_DIR / "secret_key"
print(json.dumps(values, default=str))
"""
PROCESSES = (("1", "command"), ("64", "command"), ("64", "web"))


def documented() -> dict[str, list[str]]:
    """The variables in the tables, with the values in their default column."""
    rows = ROW.findall((ROOT / "docs" / "settings.md").read_text())
    assert len(rows) == len(dict(rows)), "a variable is listed twice"
    return {name: re.findall("`([^`]+)`", default) for name, default in rows}


def variables_read() -> set[str]:
    """The environment variables that the source reads."""
    folders = ("catalog", "config", "indexing", "search")
    sources = [ROOT / "manage.py", *(p for f in folders for p in (ROOT / f).rglob("*.py"))]
    return {name for path in sources for name in names_in(ast.parse(path.read_text()))}


def names_in(tree: ast.AST) -> Iterator[str]:
    """Yields the first argument of calls such as read_int("PORT", …) and os.environ.get("HOST")."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            reader, name = ast.unparse(node.func), node.args[0]
        elif isinstance(node, ast.Subscript):
            reader, name = ast.unparse(node.value), node.slice
        else:
            continue
        if isinstance(name, ast.Constant) and READER.fullmatch(reader):
            yield name.value


def true_defaults() -> dict[str, list[str]]:
    """The value of each variable in a clean environment, as the document writes it. There are
    several if the value depends on the machine or the process."""
    defaults: dict[str, list[str]] = {}
    for process in PROCESSES:
        environment = {"PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-c", PROBE, *process]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        for name, value in json.loads(done.stdout).items():
            shown = defaults.setdefault(name, [])
            if (text := in_words(value)) and text not in shown:
                shown.append(text)
    return defaults


def in_words(value: object) -> str:
    """A value as the document writes it; "" if there is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{name}={number:g}" for name, number in value.items())
    if isinstance(value, list):
        return ",".join(re.sub("/(32|128)$", "", item) for item in value)
    if isinstance(value, int | float):
        return f"{value:g}"
    return str(value or "").replace(f"{ROOT}/.data/", "DATA_DIR/").replace(f"{ROOT}/", "")


def test_every_variable_is_documented_and_no_other() -> None:
    assert set(documented()) == variables_read() - SET_BY_PROGRAMS


def test_documented_defaults_are_true() -> None:
    shown = documented()
    defaults = true_defaults()

    # These two are read outside the settings module.
    assert shown.pop("DATABASE_URL") == []
    assert f'or "{shown.pop("PIP_INDEX_URL")[0]}"' in (ROOT / "config/make_venv.py").read_text()
    assert shown == {name: defaults[name] for name in shown}
