"""The offline side in Django's admin: `index_admin` (runs, generations, encoders, photos set aside)
and `queue_admin` (the task queue's tables)."""

from indexing.admin import index_admin, queue_admin

__all__ = ["index_admin", "queue_admin"]
