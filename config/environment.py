"""Reads settings from environment variables. Every reader raises ImproperlyConfigured, with a
sentence that names the variable, for a bad value. Unset and blank variables have the default."""

import os
import re
import secrets
import tempfile
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from croniter import CroniterError, croniter
from django.core.exceptions import ImproperlyConfigured

_TRUE_WORDS = {"1", "true", "yes", "on"}
_FALSE_WORDS = {"0", "false", "no", "off"}
_HOST = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?P<port>[0-9]{1,5}))?"
)
_ALL_NETWORKS = ["0.0.0.0/0", "::/0"]


def read_bool(name: str, default: bool) -> bool:
    """Reads a boolean: 1/true/yes/on or 0/false/no/off, in any case."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in _TRUE_WORDS:
        return True
    if value in _FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: write true or false.")


def read_int(name: str, default: int, low: int, high: int) -> int:
    """Reads a whole number from `low` to `high`."""
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
    """Reads a number from `low` to `high`."""
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
    """Reads `word=number, word=number`, where every word is a key of `default` and every number is
    -1 to 1. Missing words keep their default."""
    weights = dict(default)
    for item in read_list(name, []):
        word, _, number = item.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = float("nan")
        if word not in default or not -1 <= weight <= 1:
            raise ImproperlyConfigured(
                f"{name} has {item!r}: write items such as {next(iter(default))}=0.05. Use the"
                f" words {', '.join(default)} and numbers from -1 to 1."
            )
        weights[word] = weight
    return weights


def read_choice(name: str, default: str, choices: set[str]) -> str:
    """Reads one of `choices`."""
    value = os.environ.get(name, "").strip() or default
    if value not in choices:
        raise ImproperlyConfigured(
            f"{name} is {value!r}: write one of {', '.join(sorted(choices))}."
        )
    return value


def read_list(name: str, default: list[str]) -> list[str]:
    """Reads a comma-separated list and drops empty items."""
    value = os.environ.get(name, "")
    return [item.strip() for item in value.split(",") if item.strip()] or default


def read_hosts(name: str) -> list[str]:
    """Reads a comma-separated list of hosts, each with or without a port, in lower case. IPv6
    addresses stand in brackets."""
    hosts = [item.lower() for item in read_list(name, [])]
    for host in hosts:
        if not _is_host(host):
            raise ImproperlyConfigured(
                f"{name} has {host!r}: write hosts such as photos.example, 10.0.0.7:8080 or [::1]."
            )
    return hosts


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    if match is None or int(match["port"] or 1) not in range(1, 65_536):
        return False
    try:
        return not match["ipv6"] or bool(IPv6Address(match["ipv6"]))
    except ValueError:
        return False


def read_networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Reads a comma-separated list of addresses and networks (10.0.0.0/8); * means all."""
    networks = []
    for item in read_list(name, default):
        try:
            networks += [ip_network(each) for each in (_ALL_NETWORKS if item == "*" else [item])]
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} has {item!r}: write addresses such as 10.0.0.7 or 10.0.0.0/8."
            ) from error
    return networks


def read_url(name: str, schemes: set[str]) -> str | None:
    """Reads a URL with one of `schemes`; None if it is unset. Errors do not repeat the URL, as it
    may contain a password."""
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


def read_text(name: str) -> str:
    """Reads a text; "" if it is unset."""
    return os.environ.get(name, "").strip()


def choose_vector_store() -> tuple[str, str | None]:
    """Reads VECTOR_STORE and QDRANT_URL, and checks that the store can be used."""
    store = read_choice("VECTOR_STORE", "pgvector", {"pgvector", "qdrant"})
    url = read_url("QDRANT_URL", {"http", "https", "memory", "edge"})
    if store == "qdrant" and url is None:
        raise ImproperlyConfigured("VECTOR_STORE is qdrant: QDRANT_URL must name its server.")
    if store == "qdrant" and find_spec("qdrant_client") is None:
        raise ImproperlyConfigured(
            "VECTOR_STORE is qdrant: run pip install --no-deps -r requirements-qdrant.txt."
        )
    return store, url


def choose_photo_storage() -> tuple[str, str, str | None]:
    """Reads PHOTO_BUCKET and PHOTO_BUCKET_URL, and checks that buckets can be used. Returns the
    storage of photos, a bucket or else MEDIA_ROOT, with the name of the bucket, "" without one, and
    its address."""
    bucket = read_text("PHOTO_BUCKET")
    url = read_url("PHOTO_BUCKET_URL", {"http", "https"})
    if url and not bucket:
        raise ImproperlyConfigured("PHOTO_BUCKET_URL is set: PHOTO_BUCKET must name a bucket.")
    if not bucket:
        return "django.core.files.storage.FileSystemStorage", "", None
    if find_spec("storages") is None:
        raise ImproperlyConfigured(
            "PHOTO_BUCKET is set: run pip install --no-deps -r requirements-s3.txt."
        )
    return "catalog.imaging.bucket_storage.BucketStorage", bucket, url


def read_cron(name: str, default: str) -> str:
    """Reads a five-field cron expression that matches at least one future time."""
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
    """Reads the path of an existing file."""
    value = os.environ.get(name, "").strip()
    path = Path(value) if value else default
    if not path.is_file():
        raise ImproperlyConfigured(f"{name} is {str(path)!r}: there is no such file.")
    return path


def read_folder(name: str, default: Path) -> Path:
    """Reads a folder as an absolute path. The folder need not exist, but must not be a file."""
    value = os.environ.get(name, "").strip()
    try:
        folder = Path(value).expanduser().resolve() if value else default
    except RuntimeError as error:  # no such user
        raise ImproperlyConfigured(f"{name} is {value!r}: {error}") from error
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise ImproperlyConfigured(
            f"{name} is {str(folder)!r}: {existing} is a file, not a folder."
        )
    return folder


def read_or_create_secret(path: Path, length: int = 50) -> str:
    """Returns the secret in the file `path`. If the file is missing, creates it with mode 0600 and
    a random secret of `length` bytes."""
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
        os.link(fresh, path)  # atomic: the first of several processes wins
    except FileExistsError:
        pass
    finally:
        os.unlink(fresh)
    return path.read_text().strip()
