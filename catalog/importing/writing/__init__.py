"""Merges the rows of products and writes what differs in the database. `upsert` calls it for rows,
fetchers call `fetched_photos.supply_photos` for photos from addresses."""
