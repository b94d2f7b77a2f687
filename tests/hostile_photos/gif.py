"""GIF files: comments and blocks without end, and many frames."""

from collections.abc import Iterator

from PIL import Image

from tests.hostile_photos.pictures import SIDE, Maker, encoded


def gif(before: bytes = b"", after: bytes = b"", size: tuple[int, int] = (64, 64)) -> bytes:
    photo = encoded(Image.new("P", size), "GIF")
    at = photo.index(b",", 13 + 3 * 2 ** ((photo[10] & 7) + 1))
    return photo[:at] + before + photo[at:-1] + after + photo[-1:]


def gifs() -> Iterator[tuple[str, Maker]]:
    comment = b"!\xfe" + b"\xff".join([b""] + [b"c" * 255] * 50_000) + b"\0"
    yield "gif-one-long-comment", lambda: gif(before=comment)
    yield "gif-a-comment-of-single-bytes", lambda: gif(before=b"!\xfe" + b"\1c" * 7_000_000 + b"\0")
    yield "gif-empty-comments", lambda: gif(before=b"!\xfe\0" * 5_000_000)
    yield "gif-controls", lambda: gif(before=b"!\xf9\4\0\0\0\0\0" * 1_900_000)
    yield "gif-long-comment-after", lambda: gif(after=comment)
    yield "gif-40-megapixels", lambda: gif(size=(SIDE, SIDE))
    yield "gif-wide", lambda: gif(size=(65_535, 610))
    yield (
        "gif-many-frames",
        lambda: encoded(
            Image.new("P", (2000, 2000)),
            "GIF",
            save_all=True,
            append_images=[Image.new("P", (2000, 2000), n % 2) for n in range(1, 60)],
            duration=20,
        ),
    )
    yield "gif-single-byte-blocks", lambda: single_byte_blocks(gif(size=(3000, 3000)))


def single_byte_blocks(photo: bytes) -> bytes:
    """The same GIF with each byte of its pixels in a block of its own."""
    at = photo.index(b",", 13 + 3 * 2 ** ((photo[10] & 7) + 1)) + 10
    head, position, body = photo[: at + 1], at + 1, b""
    while size := photo[position]:
        body += photo[position + 1 : position + 1 + size]
        position += 1 + size
    return head + b"".join(b"\1" + body[n : n + 1] for n in range(len(body))) + b"\0;"
