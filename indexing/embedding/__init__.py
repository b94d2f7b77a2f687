"""Makes embeddings and tags from photos and texts.

Others use `shared_content.embed_products`, `tagging.tag_products`, `quarantine`, and `staleness`,
which defines "up to date".
"""
