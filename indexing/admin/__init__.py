"""The offline side in Django's admin: `index_admin` (runs, generations, encoders, image failures),
`photo_address_admin` (photos by address) and `queue_admin` (the tables of the task queue)."""

from indexing.admin import index_admin, photo_address_admin, queue_admin

__all__ = ["index_admin", "photo_address_admin", "queue_admin"]
