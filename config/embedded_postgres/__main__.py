"""`python -m config.embedded_postgres start|stop|status|url` controls the server in DATA_DIR."""

import argparse
import sys

from config.paths import DATA_DIR

from . import EmbeddedPostgres, EmbeddedPostgresError


def main(arguments: list[str] | None = None) -> int:
    """Runs one action and returns the exit status: 3 if `status` finds no running server."""
    parser = argparse.ArgumentParser(
        prog="python -m config.embedded_postgres",
        description="Controls the bundled PostgreSQL in the folder postgres of DATA_DIR (.data).",
    )
    parser.add_argument("action", choices=["start", "stop", "status", "url"])
    action = parser.parse_args(arguments).action
    try:
        return _run_action(EmbeddedPostgres(DATA_DIR / "postgres"), action)
    except EmbeddedPostgresError as error:
        print(error, file=sys.stderr)
        return 1


def _run_action(server: EmbeddedPostgres, action: str) -> int:
    if action == "start":
        print("Started." if server.start() else "Already running.", server.url)
    elif action == "stop":
        server.stop()
        print("Stopped.")
    elif action == "url":
        print(server.url)
    else:
        running = server.is_running()
        print("Running." if running else "Not running.", server.url)
        return 0 if running else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
