"""Settings from environment variables; a bad value stops the start with a sentence naming it."""

import os
import secrets
import tempfile
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from croniter import CroniterError, croniter
from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
ALL = ["0.0.0.0/0", "::/0"]


def read_bool(name: str, default: bool) -> bool:
    """`name` as a boolean: 1/true/yes/on or 0/false/no/off, in any case."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: write true or false.")


def read_int(name: str, default: int, low: int, high: int) -> int:
    """`name` as a whole number between `low` and `high`, both included."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number, {low} to {high}.")
    return number


def read_float(name: str, default: float, low: float, high: float) -> float:
    """`name` as a number between `low` and `high`, both included."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a number, {low} to {high}.")
    return number


def read_weights(name: str, default: dict[str, float]) -> dict[str, float]:
    """`name` as `word=number, word=number`, with any of the words of `default`, each number -1 to
    1; words that are not named keep their default."""
    weights = dict(default)
    for item in read_list(name, []):
        word, _, number = item.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = float("nan")
        if word not in default or not -1 <= weight <= 1:
            raise ImproperlyConfigured(
                f"{name} has {item!r}: write such as {next(iter(default))}=0.05, with any of"
                f" {', '.join(default)}, -1 to 1."
            )
        weights[word] = weight
    return weights


def read_choice(name: str, default: str, choices: set[str]) -> str:
    """`name` as one of `choices`."""
    value = os.environ.get(name, "").strip() or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}: write {', '.join(sorted(choices))}.")
    return value


def read_list(name: str, default: list[str]) -> list[str]:
    """`name` as a comma-separated list without empty items."""
    value = os.environ.get(name, "")
    return [item.strip() for item in value.split(",") if item.strip()] or default


def read_networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """`name` as a comma-separated list of addresses and networks (10.0.0.0/8); * means all."""
    networks = []
    for item in read_list(name, default):
        try:
            networks += [ip_network(each) for each in (ALL if item == "*" else [item])]
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} has {item!r}: write addresses such as 10.0.0.7 or 10.0.0.0/8."
            ) from error
    return networks


def read_url(name: str, schemes: set[str]) -> str | None:
    """`name` as a URL with one of `schemes`, or None when unset."""
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        scheme = ""
    if scheme not in schemes:
        expected = " or ".join(f"{known}://…" for known in sorted(schemes))
        raise ImproperlyConfigured(f"{name} must look like {expected}.")
    return value


def read_cron(name: str, default: str) -> str:
    """`name` as a five-field cron expression that comes true one day."""
    value = os.environ.get(name, "").strip() or default
    try:
        if len(value.split()) != 5:
            raise CroniterError
        croniter(value).get_next()
    except CroniterError as error:
        raise ImproperlyConfigured(
            f"{name} is {value!r}: write a cron expression of five fields, such as {default}."
        ) from error
    return value


def read_file(name: str, default: Path) -> Path:
    """`name` as the path of a file that is there."""
    value = os.environ.get(name, "").strip()
    path = Path(value) if value else default
    if not path.is_file():
        raise ImproperlyConfigured(f"{name} is {str(path)!r}: there is no such file.")
    return path


def read_folder(name: str, default: Path) -> Path:
    """`name` as an absolute folder path; it need not exist yet, but must not be a file."""
    value = os.environ.get(name, "").strip()
    try:
        folder = Path(value).expanduser().resolve() if value else default
    except RuntimeError as error:  # no such user
        raise ImproperlyConfigured(f"{name} is {value!r}: {error}") from error
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise ImproperlyConfigured(f"{name} is {str(folder)!r}: {there} is a file, not a folder.")
    return folder


def read_or_create_secret(path: Path, length: int = 50) -> str:
    """The secret in file `path` (mode 0600), made at random the first time it is asked for."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}.") from error
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(length))
    try:
        os.link(fresh, path)  # atomic, and the first of two processes wins
    except FileExistsError:
        pass
    finally:
        os.unlink(fresh)
    return path.read_text().strip()
