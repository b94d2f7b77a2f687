"""Counts what a transaction writes and reads."""

from django.db import connection

IGNORED_TABLES = ["django_session"]


def rows_written(*ignored: str) -> int:
    """Returns how many rows this transaction has added, changed or deleted so far, except in
    sessions and the tables `ignored`. Those that were rolled back count too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
            " WHERE relname <> ALL (%s)",
            [[*IGNORED_TABLES, *ignored]],
        )
        return int(cursor.fetchone()[0])


def rows_read(table: str) -> int:
    """Returns how many rows of a table this transaction has read so far, the same row as often as
    it was read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = %s",
            [table],
        )
        return int(cursor.fetchone()[0])
