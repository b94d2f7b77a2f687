"""Prepares a process before it serves shoppers."""

import gc
from io import BytesIO

from PIL import Image

from search.photo_search import search
from search.request import SearchRequest


def warm_up() -> None:
    """Searches by a blank photo, by a part of it and by a word. This loads all towers of the
    encoder, and the tags of photos, and opens a database connection. Then excludes these objects
    from garbage collection, because scanning them would stop all searches for 80 ms. Raises the
    same errors as `search.photo_search.search`."""
    blank = BytesIO()
    Image.new("RGB", (480, 480), "white").save(blank, "JPEG")
    search(SearchRequest(images=(blank.getvalue(),)))
    search(SearchRequest(images=(blank.getvalue(),), box=(0.1, 0.1, 0.8, 0.8)))
    search(SearchRequest(text="chair"))
    gc.collect()
    gc.freeze()
