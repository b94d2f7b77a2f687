"""Decoding in child processes with limits: real processes, real limits, bad files."""

import gc
import io
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from PIL import Image

from catalog.imaging.decoder_process import DecoderPool, DecodingTimeout
from catalog.imaging.image_decoding import ImageError, ImageLimits, decode_image
from tests.hostile_photos.pictures import encoded
from tests.hostile_photos.png import png

LIMITS = ImageLimits()
FAST = {
    "JPEG": {"quality": 60},
    "PNG": {"compress_level": 1},
    "WEBP": {"method": 0, "quality": 50},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "HEIF": {"quality": 30, "enc_params": {"preset": "ultrafast"}},
    "AVIF": {"speed": 10, "quality": 40},
}
HEAVY = png(6000, 6000, colour=6)  # takes some 400 MB and a good part of a second


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(2)
    yield pool
    pool.close()


Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def children(pool: DecoderPool) -> Children:
    """The decoders of this test's pools, without those of other tests."""
    before = {child.pid for child in decoders()}
    return lambda: [child for child in decoders() if child.pid not in before]


def decoders() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children() if "decoder_process" in str(child.cmdline())
    ]


def decode(pool: DecoderPool, data: bytes, cpu_s: float = 20, wait_s: float = 60, **how: object):
    return pool.decode(data, limits=LIMITS, cpu_s=cpu_s, wait_s=wait_s, **how)


def photo(kind: str = "PNG", size: tuple[int, int] = (320, 160)) -> bytes:
    noise = np.random.default_rng(5).integers(0, 256, (*size[::-1], 3), np.uint8)
    return encoded(Image.fromarray(noise), kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_the_same_pixels_come_out_as_in_this_process(pool: DecoderPool, kind: str) -> None:
    data, how = photo(kind), {"box": (0.25, 0.0, 0.5, 1.0), "at_least": 40}

    image = decode(pool, data, **how)

    assert (image.mode, image.size) == ("RGB", decode_image(data, **how).size)
    assert image.tobytes() == decode_image(data, **how).tobytes()


@pytest.mark.parametrize("data", [b"", b"no photo", photo()[:2000], bytes(16 * 1024**2)])
def test_an_error_is_the_same_as_in_this_process(pool: DecoderPool, data: bytes) -> None:
    with pytest.raises(ImageError) as here:
        decode_image(data)

    with pytest.raises(ImageError) as there:
        decode(pool, data)

    assert (there.value.code, str(there.value)) == (here.value.code, str(here.value))


def test_a_photo_that_takes_too_much_processor_time_is_refused_and_the_next_is_not(
    pool: DecoderPool,
) -> None:
    with pytest.raises(ImageError, match="too long") as refused:
        decode(pool, HEAVY, cpu_s=0.05)

    assert refused.value.code == "image_unreadable"
    assert decode(pool, photo()).size == (320, 160)


def test_a_wait_beyond_the_limit_raises_a_timeout_and_ends_the_process(
    pool: DecoderPool, children: Children
) -> None:
    decode(pool, photo())
    (child,) = children()
    child.suspend()

    with pytest.raises(DecodingTimeout):
        decode(pool, photo(), wait_s=0.2)

    assert not child.is_running()
    assert decode(pool, photo()).size == (320, 160)


def test_a_crashed_decoder_fails_only_its_photo(pool: DecoderPool, children: Children) -> None:
    decode(pool, photo())
    (child,) = children()
    threading.Timer(0.1, child.send_signal, [signal.SIGSEGV]).start()

    with pytest.raises(ImageError, match="damaged"):
        decode(pool, HEAVY)

    assert decode(pool, photo()).size == (320, 160)


def test_a_decoder_that_died_while_idle_is_replaced(pool: DecoderPool, children: Children) -> None:
    decode(pool, photo())
    (child,) = children()
    child.kill()
    child.wait(5)

    assert decode(pool, photo()).size == (320, 160)


def test_a_pool_decodes_as_many_photos_at_a_time_as_its_size(
    pool: DecoderPool, children: Children
) -> None:
    with ThreadPoolExecutor(8) as threads:
        images = list(threads.map(lambda _: decode(pool, photo(size=(900, 900))), range(40)))

    assert {image.size for image in images} == {(900, 900)}
    assert len(children()) == 2


@pytest.mark.long
def test_the_memory_of_a_large_photo_returns_to_the_system(
    pool: DecoderPool, children: Children
) -> None:
    decode(pool, photo())
    (child,) = children()
    before = child.memory_info().rss, psutil.Process().memory_info().rss

    for _ in range(3):
        decode(pool, HEAVY, at_least=1000)
    gc.collect()

    after = child.memory_info().rss, psutil.Process().memory_info().rss
    assert after[0] - before[0] < 100 * 1024**2
    assert after[1] - before[1] < 100 * 1024**2


def test_decoders_inherit_no_secrets(
    pool: DecoderPool, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "told to nobody")
    decode(pool, photo())

    (child,) = children()
    assert "SECRET_KEY" not in child.environ()


def test_decoders_end_with_their_parent(pool: DecoderPool, children: Children) -> None:
    decode(pool, photo())
    mine = {child.pid for child in children()}
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:  # has a pool and decoders of its own, and is killed
        decode(pool, photo())
        os.write(writing, " ".join(str(child.pid) for child in decoders()).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(parent, 0)
    theirs = {int(pid) for pid in os.read(reading, 100).split()}
    os.close(reading)
    os.close(writing)

    assert theirs
    assert not theirs & mine
    ends = time.monotonic() + 10
    while any(map(psutil.pid_exists, theirs)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, theirs))


def test_a_closed_pool_leaves_no_process(pool: DecoderPool, children: Children) -> None:
    decode(pool, photo())

    pool.close()

    assert children() == []
    assert decode(pool, photo(), wait_s=20).size == (320, 160), "it starts others"


@pytest.mark.long
def test_processes_that_do_not_start_or_are_killed_leave_no_open_files(
    pool: DecoderPool, children: Children, monkeypatch: pytest.MonkeyPatch, long_run: bool
) -> None:
    decode(pool, photo())
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(500 if long_run else 20):
        (child,) = children()
        child.kill()
        child.wait(5)
        with monkeypatch.context() as nothing_to_start:
            nothing_to_start.setattr("sys.executable", "/nowhere/python")
            with pytest.raises(FileNotFoundError):
                decode(pool, photo())
        assert decode(pool, photo()).size == (320, 160)

    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "kind",
    [
        "JPEG",
        "PNG",
        "WEBP",
        "TIFF",
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("HEIF", "AVIF")),
    ],
)
def test_photos_of_40_megapixels_as_cameras_take_them_are_accepted(
    pool: DecoderPool, kind: str
) -> None:
    coarse = Image.open(io.BytesIO(photo("PNG", (966, 644))))
    large = coarse.resize((7728, 5152), Image.Resampling.NEAREST)
    data = encoded(large, kind, **FAST[kind])
    assert 1_000_000 < len(data) < 15 * 1024**2

    image = decode(pool, data, cpu_s=1 + len(data) / 1e6, at_least=1152)

    assert min(image.size) >= 1152
