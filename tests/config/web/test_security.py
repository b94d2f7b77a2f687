"""Security headers, HTTPS, trusted proxies, lockouts after wrong passwords, and their log lines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.environment import read_networks
from config.first_start import create_admin, describe_admin_login
from tests.support.processes import REPOSITORY, url_of_test_database
from tests.support.web_servers import WebServer, web_server

PROXY = "127.0.0.1"


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}


# --- Headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/livez", "/admin/login/", "/api/docs/", "/api/v1/none", "/none"])
def test_every_answer_has_security_headers(path: str, client: Client) -> None:
    response = client.get(path)

    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "unsafe-inline" not in response["Content-Security-Policy"].split("style-src")[0]
    assert "geolocation=()" in response["Permissions-Policy"]
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"


# --- HTTPS ----------------------------------------------------------------------------------------


def test_djangos_deployment_check_finds_nothing() -> None:
    inherited = {k: v for k, v in os.environ.items() if k != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=REPOSITORY,
        env={**inherited, "HTTPS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def https_server(
    django_db_setup: None, static_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    """A web server with the settings for an HTTPS proxy, on an empty shop."""
    settings = {
        "DATABASE_URL": url_of_test_database(),
        "HTTPS": "true",
        "ALLOWED_HOSTS": "shop.example",
        "WEB_THREADS": "4",
        "SEARCHES_AT_ONCE": "1",
        "SEARCH_QUEUE": "1",
    }
    with web_server(tmp_path_factory.mktemp("web"), **settings) as started:
        yield started


@pytest.mark.django_db
def test_pages_are_served_over_https_only(https_server: WebServer) -> None:
    forwarded = {"Host": "shop.example", "X-Forwarded-Proto": "https"}

    status, headers, _ = https_server.request("/admin/", headers={"Host": "shop.example"})
    assert (status, headers["Location"]) == (301, "https://shop.example/admin/")

    status, headers, _ = https_server.request("/admin/login/", headers=forwarded)
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "; Secure" in headers["Set-Cookie"]

    # Requests from inside, past the proxy, are answered over HTTP.
    assert https_server.status("/livez") == 200
    assert https_server.status("/metrics") == 200


@pytest.mark.django_db
def test_a_wrong_host_header_logs_one_line(https_server: WebServer) -> None:
    before = https_server.log.read_text()

    for path in ("/", "/admin/", "/api/v1/index/", "/search/?q=a"):
        headers = {"Host": "evil.example", "X-Forwarded-Proto": "https"}
        status, answered, _ = https_server.request(path, headers=headers)
        assert status == 400
        assert "Location" not in answered

    logged = https_server.log.read_text().removeprefix(before).splitlines()
    assert len(logged) == 4
    assert all("evil.example" in line for line in logged)


# --- Proxies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        (PROXY, "203.0.113.7", "203.0.113.7"),
        (PROXY, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (PROXY, "203.0.113.7, 10.0.0.9", "203.0.113.7"),
        (PROXY, "203.0.113.7, unknown, 10.0.0.9", "10.0.0.9"),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        (PROXY, "[2001:db8::7]", "2001:db8::7"),
        (PROXY, "", PROXY),
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_clients_address_and_scheme_come_from_trusted_proxies(
    peer: str, chain: str, client: str, rf: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config.web.proxies import TrustedProxyMiddleware

    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1, 10.0.0.0/8")
    settings.TRUSTED_PROXIES = read_networks("FORWARDED_ALLOW_IPS", [])
    headers = {"X-Forwarded-For": chain, "X-Forwarded-Proto": "https"}
    request = rf.get("/", headers=headers, REMOTE_ADDR=peer)

    TrustedProxyMiddleware(lambda request: request)(request)

    assert request.META["REMOTE_ADDR"] == client
    assert request.is_secure() == (peer == PROXY)


@pytest.mark.parametrize("value", ["proxy.example", "10.0.0.1/8", "10.0.0.300", "127.0.0.1;::1"])
def test_invalid_proxy_addresses_stop_the_start(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)

    with pytest.raises(ImproperlyConfigured, match=r"FORWARDED_ALLOW_IPS has .+\."):
        read_networks("FORWARDED_ALLOW_IPS", [])


# --- Logins ---------------------------------------------------------------------------------------


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator", password="correct horse")


def log_in(client: Client, password: str, language: str = "en", **from_: str) -> Any:
    headers = {"Accept-Language": language}
    if "address" in from_:
        headers["X-Forwarded-For"] = from_["address"]
    given = {"username": from_.get("user", "operator"), "password": password}
    return client.post("/admin/login/?next=/admin/", given, headers=headers)


@pytest.fixture
def locked(operator: User, client: Client) -> Client:
    """A client that has given too many wrong passwords."""
    answers = [log_in(client, f"guess {n}").status_code for n in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    return client


def test_wrong_passwords_lock_the_login_and_say_until_when(locked: Client) -> None:
    english, russian = log_in(locked, "correct horse"), log_in(locked, "correct horse", "ru")

    assert (english.status_code, russian.status_code) == (429, 429)
    assert "Try again in 15 minutes." in english.content.decode()
    assert "Попробуйте снова через 15 минут." in russian.content.decode()
    assert 0 < int(english["Retry-After"]) <= 15 * 60


def test_further_attempts_do_not_extend_the_lockout(locked: Client) -> None:
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=14))
    log_in(locked, "guess")
    assert "Try again in 1 minute." in log_in(locked, "guess").content.decode()

    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=1))
    assert log_in(locked, "correct horse").status_code == 302


def test_other_users_and_addresses_can_log_in(locked: Client) -> None:
    User.objects.create_superuser("another", password="correct horse")

    assert log_in(locked, "correct horse", user="another").status_code == 302
    assert log_in(Client(), "correct horse", address="203.0.113.7").status_code == 302
    assert log_in(locked, "correct horse").status_code == 429


def test_a_forged_address_does_not_avoid_the_lockout(operator: User) -> None:
    answers = [
        log_in(Client(), "guess", address=f"6.6.6.{n}, 203.0.113.7").status_code for n in range(6)
    ]

    assert answers[4:] == [429, 429]


def test_a_command_ends_the_lockout(locked: Client, capsys: Any) -> None:
    call_command("axes_reset_ip_username", PROXY, "operator")

    assert log_in(locked, "correct horse").status_code == 302


def test_pages_make_no_lockout_queries(
    db: None, client: Client, django_assert_num_queries: Any
) -> None:
    from django.db import connection

    with django_assert_num_queries(0):
        client.get("/livez")
    with CaptureQueriesContext(connection) as asked:
        client.get("/")
        client.get("/admin/login/")
    assert not any("axes" in query["sql"] for query in asked.captured_queries)


def test_only_the_first_start_shows_the_password(db: None, tmp_path: Path) -> None:
    file = tmp_path / "admin_password"

    create_admin(file)  # in a start that was interrupted before it served
    create_admin(file)
    first, later = describe_admin_login(file), describe_admin_login(file)

    assert first == f"user admin, password {file.read_text()}"
    assert later == f"user admin, password in {file}"
