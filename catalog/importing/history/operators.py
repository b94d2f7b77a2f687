"""Who is at the command line."""

import getpass
import os


def command_operator(command: str) -> str:
    """Returns the name of the user who runs a command, or the number of one without a name, and
    the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        name = f"user {os.getuid()}"
    return f"{name} ({command})"
