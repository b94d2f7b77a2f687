"""The offline side in Django's admin: `index_admin` (runs, generations, encoders, image failures),
`photo_address_admin` (photos by address), `source_admin` and `import_admin` (sources and imports of
products) and `queue_admin` (the tables of the task queue)."""

from indexing.admin import (
    import_admin,
    index_admin,
    photo_address_admin,
    queue_admin,
    source_admin,
)

__all__ = ["import_admin", "index_admin", "photo_address_admin", "queue_admin", "source_admin"]
