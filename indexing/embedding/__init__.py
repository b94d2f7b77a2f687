"""From photos to embeddings and tags.

Others use `embed.embed_images`, `tagging.tag_products` and `quarantine`.
"""
