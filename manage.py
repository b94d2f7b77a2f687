#!/usr/bin/env python
"""Django's command line. The embedded PostgreSQL runs while a command needs it."""

import os
import sys

from config.database import database_in_use


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        with database_in_use():
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"vitrina: {error}")


if __name__ == "__main__":
    main()
