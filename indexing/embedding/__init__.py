"""Makes embeddings and tags from photos and texts.

Others use `embed.embed_images`, `tagging.tag_products`, `quarantine`, and `staleness`, which
defines "up to date".
"""
