"""The one exception of this package, and the way out that its messages offer."""

USE_ANOTHER = "set DATABASE_URL to a PostgreSQL with pgvector 0.8 or newer"


class EmbeddedPostgresError(RuntimeError):
    """The bundled server cannot be had here; the message says in sentences what to do."""


def failure(what: str, output: str) -> EmbeddedPostgresError:
    """An error that says what failed, the likely remedy, and the last lines of the output."""
    remedy = f"See below why; if it cannot be helped, {USE_ANOTHER}."
    if "No space left on device" in output:
        remedy = "The disk is full: free some space and start again."
    tail = "\n".join(output.strip().splitlines()[-15:])
    return EmbeddedPostgresError(f"{what} {remedy}\n{tail}")
