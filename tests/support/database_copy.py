"""A copy of a test database and its photos, from which other processes of the run make theirs."""

import shutil
from pathlib import Path


class DatabaseCopy:
    """A database of the server that nobody connects to, and a folder of photos.

    A file in `folder` contains the database's name. It appears when the copy is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = folder / "database.txt"

    def is_saved(self) -> bool:
        return self._name.exists()

    def save(self, media_root: Path) -> None:
        """Copies this process's test database and its photos."""
        name = f"{own_database()}_copy"
        shutil.copytree(media_root, self._folder / "media")
        create_from(own_database(), name)
        self._name.write_text(name)

    def restore(self, media_root: Path) -> None:
        """Replaces this process's test database by the copy, and adds the copied photos."""
        shutil.copytree(self._folder / "media", media_root, dirs_exist_ok=True)
        create_from(self._name.read_text(), own_database())

    def drop(self) -> None:
        """Removes the copy, if there is one."""
        if self.is_saved():
            drop_database(self._name.read_text())
            shutil.rmtree(self._folder)


def own_database() -> str:
    from django.db import connection

    return str(connection.settings_dict["NAME"])


def create_from(template: str, name: str) -> None:
    """Creates a database as a copy of the template. Replaces a database of the same name."""
    drop_database(name)
    _execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop_database(name: str) -> None:
    _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(statement: str) -> None:
    """Executes a statement outside the test database. Closes this process's connections first."""
    from django.db import connection, connections

    connections.close_all()
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
