"""The exception of this package, and the alternative that its messages offer."""

USE_ANOTHER = "set DATABASE_URL to a PostgreSQL with pgvector 0.8 or newer"


class EmbeddedPostgresError(RuntimeError):
    """The bundled server does not work here; the message says what to do."""


def make_error(what: str, output: str) -> EmbeddedPostgresError:
    """Returns an error that says what failed, what may help, and the last lines of the output."""
    remedy = f"The reason is below. If you cannot remove it, {USE_ANOTHER}."
    if "No space left on device" in output:
        remedy = "The disk is full: free some space and start again."
    tail = "\n".join(output.strip().splitlines()[-15:])
    return EmbeddedPostgresError(f"{what} {remedy}\n{tail}")
