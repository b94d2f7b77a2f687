"""Photos of products in the widths that pages show. Each is made once and kept on disk."""

import os
import threading
import time
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from django.conf import settings

from catalog.imaging.decoder_process import DecoderPool, DecodingTimeout
from catalog.imaging.image_decoding import ImageError, ImageLimits
from catalog.models.product import content_hash
from search.serving.admission import Admission
from search.serving.bounded_folder import BoundedFolder
from search.serving.deadline import Deadline, Overloaded

WIDTHS = (160, 240, 480, 720, 1200)  # pixels
FORMATS = {"image/webp": "WEBP", "image/jpeg": "JPEG"}
QUALITY = 80
WAIT_S = 5.0  # for a decoder
MAX_WAITING = 14  # requests that wait for a decoder; further ones get the photo as it is stored
MAX_CPU_S = 3.0  # of a decoder, for one photo
TOUCH_INTERVAL_S = 86_400  # the files that were used last are kept longest

decoders = DecoderPool(min(2, os.cpu_count() or 1))
making = Admission(2, MAX_WAITING)
sized_files = BoundedFolder(lambda: settings.SIZED_PHOTOS, lambda: settings.SIZED_PHOTOS_BYTES)
_locks = [threading.Lock() for _ in range(64)]


def sized_photo(original: Path, width: int, media_type: str) -> bytes | None:
    """Returns a photo with at most `width` pixels, one of WIDTHS, in each row, as a file of the
    `media_type`, one of FORMATS. A photo is never enlarged. Returns None if it cannot be decoded,
    or not now. Raises OSError if there is no such file."""
    status = original.stat()
    key = f"{original} {status.st_mtime_ns} {status.st_size}"
    name = f"{content_hash(key.encode())}-{width}.{FORMATS[media_type].lower()}"
    made = _read(name)
    if made is not None:
        return made
    try:
        with making.admitted(Deadline(WAIT_S)), _locks[zlib.crc32(name.encode()) % len(_locks)]:
            made = _read(name)
            if made is None:
                made = _make(original.read_bytes(), width, FORMATS[media_type])
                with suppress(OSError):  # a full disk: it is made again next time
                    sized_files.write(name, made)
            return made
    except (ImageError, DecodingTimeout, Overloaded):
        return None


def _read(name: str) -> bytes | None:
    path = sized_files.path(name)
    with suppress(FileNotFoundError):
        made = path.read_bytes()
        if time.time() - path.stat().st_mtime > TOUCH_INTERVAL_S:
            os.utime(path)
        return made
    return None


def _make(data: bytes, width: int, kind: str) -> bytes:
    image = decoders.decode(
        data,
        at_least=width,
        limits=ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS),
        cpu_s=MAX_CPU_S,
        wait_s=WAIT_S,
    )
    image.thumbnail((width, 20 * width))
    file = BytesIO()
    image.save(file, kind, quality=QUALITY)
    return file.getvalue()
