"""Settings from environment variables with unset, valid and invalid values."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment
from config.environment import (
    choose_photo_storage,
    read_bool,
    read_choice,
    read_cron,
    read_float,
    read_folder,
    read_hosts,
    read_int,
    read_list,
    read_networks,
    read_or_create_secret,
    read_url,
)

NAME = "VITRINA_TEST_SETTING"
ROOT = Path(__file__).resolve().parents[2]


def whether() -> Any:
    return read_bool(NAME, True)


def number() -> Any:
    return read_int(NAME, 7, -5, 100)


def fraction() -> Any:
    return read_float(NAME, 0.5, 0.0, 1.0)


def device() -> Any:
    return read_choice(NAME, "auto", {"auto", "cpu", "cuda"})


def hosts() -> Any:
    return read_list(NAME, ["localhost"])


def hosts_with_ports() -> Any:
    return read_hosts(NAME)


def networks() -> Any:
    return [str(network) for network in read_networks(NAME, ["127.0.0.1"])]


def redis() -> Any:
    return read_url(NAME, {"redis", "rediss"})


def cron() -> Any:
    return read_cron(NAME, "0 */5 * * *")


def folder() -> Any:
    return read_folder(NAME, Path("/somewhere"))


Reader = Callable[[], Any]


@pytest.mark.parametrize(
    ("read", "default"),
    [
        (whether, True),
        (number, 7),
        (fraction, 0.5),
        (device, "auto"),
        (hosts, ["localhost"]),
        (hosts_with_ports, []),
        (networks, ["127.0.0.1/32"]),
        (redis, None),
        (cron, "0 */5 * * *"),
        (folder, Path("/somewhere")),
    ],
)
@pytest.mark.parametrize("value", [None, "", "   "])
def test_unset_and_blank_variables_have_the_default(
    value: str | None, read: Reader, default: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    if value is not None:
        monkeypatch.setenv(NAME, value)

    assert read() == default


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        *[(whether, value, True) for value in ("1", "true", "YES", " On ")],
        *[(whether, value, False) for value in ("0", "False", "no", "OFF")],
        *[(number, str(value), value) for value in (-5, 0, 100)],
        (number, " 42 ", 42),
        *[(fraction, value, float(value)) for value in ("0", "1", "0.25", "1e-3")],
        (device, "cuda", "cuda"),
        (hosts, "a.example, b.example,,", ["a.example", "b.example"]),
        (hosts, " , ", ["localhost"]),
        (
            hosts_with_ports,
            "Photos.internal, 10.0.0.7:8080,[::1]:80, [FD00::1]",
            ["photos.internal", "10.0.0.7:8080", "[::1]:80", "[fd00::1]"],
        ),
        (networks, "10.0.0.0/8, ::1", ["10.0.0.0/8", "::1/128"]),
        (networks, "*", ["0.0.0.0/0", "::/0"]),
        (redis, "redis://localhost:6379/0", "redis://localhost:6379/0"),
        (redis, " rediss://user:secret@cache ", "rediss://user:secret@cache"),
        (cron, "*/15 8-20 * * 1-5", "*/15 8-20 * * 1-5"),
        (folder, "/srv/../srv/photos", Path("/srv/photos")),
        (folder, "~", Path.home()),
    ],
)
def test_a_valid_value_is_read(
    read: Reader, value: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, value)

    assert read() == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[(whether, value) for value in ("2", "maybe", "-", "tru")],
        *[
            (number, value)
            for value in ("-6", "101", "1.5", "ten", "--5", "-", "²", "1e2", "9" * 5000)
        ],
        *[(fraction, value) for value in ("-0.1", "1.1", "nan", "inf", "half", "1,5")],
        *[(device, value) for value in ("gpu", "CPU", "auto,cpu")],
        *[(networks, value) for value in ("proxy.example", "10.0.0.1/8", "10.0.0", "::1;::2")],
        *[
            (hosts_with_ports, value)
            for value in (
                *("http://a.example", "a.example/", "a.example:0", "a.example:65536", "::1"),
                *("[::1", "[1:2]", "a..b", "a b", "*"),
            )
        ],
        *[(redis, value) for value in ("localhost:6379", "http://cache", "redis", "redis://[half")],
        *[
            (cron, value)
            for value in ("daily", "@daily", "* * * *", "0 0 0 * * *", "61 * * * *", "0 0 31 2 *")
        ],
        *[(folder, value) for value in (__file__, f"{__file__}/below", "~no-such-user/photos")],
    ],
)
def test_an_invalid_value_raises_a_sentence_that_names_the_variable(
    read: Reader, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, value)

    with pytest.raises(ImproperlyConfigured) as caught:
        read()

    assert str(caught.value).startswith(NAME)
    assert str(caught.value).endswith(".")


def test_an_invalid_url_is_not_repeated_as_it_may_contain_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(NAME, "http://:secret@cache")

    with pytest.raises(ImproperlyConfigured) as caught:
        redis()

    assert "secret" not in str(caught.value)


def test_a_photo_bucket_needs_its_name_and_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_BUCKET_URL", "https://storage.example")
    with pytest.raises(ImproperlyConfigured, match="PHOTO_BUCKET must name a bucket"):
        choose_photo_storage()

    monkeypatch.setenv("PHOTO_BUCKET", " photos ")
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"requirements-s3\.txt"):
        choose_photo_storage()

    monkeypatch.setattr(environment, "find_spec", lambda name: name)
    assert choose_photo_storage()[1:] == ("photos", "https://storage.example")


def test_a_secret_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "below" / "secret"

    first, again = read_or_create_secret(path), read_or_create_secret(path)

    assert first == again == path.read_text()
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]
    assert read_or_create_secret(tmp_path / "another") != first


def test_a_secret_written_by_hand_is_used(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("by hand\n")

    assert read_or_create_secret(path) == "by hand"


def test_a_partial_file_of_a_killed_start_does_not_stop_the_next(tmp_path: Path) -> None:
    # Given a partial file of a killed process that had our id, as often in containers.
    (tmp_path / f".secret.{os.getpid()}").write_text("half")

    assert len(read_or_create_secret(tmp_path / "secret")) >= 50


def test_an_unreadable_secret_raises_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"cannot be read: .+\."):
        read_or_create_secret(tmp_path)


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    # Given processes that wait for one file before they read the secret.
    code = (
        "import sys, time; from pathlib import Path\n"
        "from config.environment import read_or_create_secret\n"
        "folder = Path(sys.argv[1]); print('there', flush=True)\n"
        "while not (folder / 'go').exists(): time.sleep(0.0005)\n"
        "print(read_or_create_secret(folder / 'kept' / 'secret'))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
    (tmp_path / "go").touch()
    secrets = {process.communicate(timeout=30)[0].strip() for process in processes}

    assert secrets == {(tmp_path / "kept" / "secret").read_text()}
    assert stat.S_IMODE((tmp_path / "kept" / "secret").stat().st_mode) == 0o600
    assert len(list((tmp_path / "kept").iterdir())) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("DEBUG", "perhaps"),
        ("HTTPS", "perhaps"),
        ("FORWARDED_ALLOW_IPS", "proxy.example"),
        ("DATABASE_URL", "mysql://localhost/shop"),
        ("DATABASE_URL", "::::"),
        ("REDIS_URL", "localhost"),
        ("REFRESH_CRON", "now and then"),
        ("MEDIA_ROOT", __file__),
        ("EVENTS_PER_ADDRESS", "many"),
        ("EVENTS_PER_SESSION", "499"),
    ],
)
def test_an_invalid_setting_stops_the_start_and_is_named(variable: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert variable in last
