"""The offline side in Django's admin: `index_admin` (runs, generations, encoders, image failures)
and `queue_admin` (the tables of the task queue)."""

from indexing.admin import index_admin, queue_admin

__all__ = ["index_admin", "queue_admin"]
