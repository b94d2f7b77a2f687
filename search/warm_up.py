"""The first search of a process, made before a shopper makes it."""

import gc
from io import BytesIO

from PIL import Image

from search.photo_search import search
from search.request import SearchRequest


def warm_up() -> None:
    """Searches by a blank photo, by a part of it and by a word: loads the encoder, all its towers,
    the vocabulary and a database connection. All that is loaded then stays out of garbage
    collections, which would halt every search for 80 ms to look through it. Raises what a search
    raises."""
    blank = BytesIO()
    Image.new("RGB", (480, 480), "white").save(blank, "JPEG")
    search(SearchRequest(images=(blank.getvalue(),)))
    search(SearchRequest(images=(blank.getvalue(),), box=(0.1, 0.1, 0.8, 0.8)))
    search(SearchRequest(text="chair"))
    gc.collect()
    gc.freeze()
