#!/usr/bin/env python
"""Django's command line. The embedded PostgreSQL runs while a command needs it."""

import os
import sys

from config.database import database_in_use, migrations_are_pending


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured

    try:
        with database_in_use():
            run_command()
    except ImproperlyConfigured as error:
        sys.exit(f"vitrina: {error}")


def run_command() -> None:
    """Runs the command. If tables that it needs are missing, says what to do."""
    from django.core.management import execute_from_command_line
    from django.db import ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except ProgrammingError:
        if migrations_are_pending():
            sys.exit("CommandError: Run manage.py migrate first.")
        raise


if __name__ == "__main__":
    main()
