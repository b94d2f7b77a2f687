"""From photos to embeddings and tags.

Others use `embed.embed_images`, `tagging.tag_products`, `quarantine`, and `staleness`, which says
what is up to date.
"""
