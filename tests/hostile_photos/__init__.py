"""Two hundred files of a few bytes to 15 MB that strangers could send in place of a photo: bombs,
headers that lie, structures without end, and damaged photos. Each run makes them anew.

Tests use `hostile_photos()`, which yields each file's name and a function that makes its bytes, and
the makers of a format's files in the module of that format.
"""

from collections.abc import Iterator

from tests.hostile_photos.bmp import bmps
from tests.hostile_photos.gif import gifs
from tests.hostile_photos.jpeg import jpegs
from tests.hostile_photos.modern import modern
from tests.hostile_photos.others import damaged, others
from tests.hostile_photos.pictures import Maker
from tests.hostile_photos.png import pngs
from tests.hostile_photos.tiff import tiffs

FILES = 200


def hostile_photos() -> Iterator[tuple[str, Maker]]:
    """(name, maker) of exactly FILES files; the same ones in each run."""
    made = [*bmps(), *tiffs(), *jpegs(), *pngs(), *gifs(), *modern(), *others()]
    yield from made
    yield from damaged(FILES - len(made))
