"""`python -m tests.support.offline_process COMMAND …` runs manage.py with fast encoders and with
photos that kill or hang the process that decodes them. The environment can make stages slow or
fatal, and encoders slow."""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.imaging.image_decoding import ImageLimits
from catalog.visual.encoder import Encoder
from catalog.visual.preprocessing import Preprocessing
from indexing.embedding import views
from tests.indexing.embedding.hostile import HANGS, KILLS

_decode_views = views.decode_views


def decode_views(data: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> np.ndarray:
    """Decodes photos as in production, but two kinds kill or hang the process."""
    if data.endswith(KILLS):
        os.kill(os.getpid(), signal.SIGKILL)
    if data.endswith(HANGS):
        time.sleep(3600)
    return _decode_views(data, preprocessing, limits)


# Patched at import, before other modules import it. Spawned children import this file too.
views.decode_views = decode_views


def main() -> None:
    # Processes that a shell has started in the background, as tests may be, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import execute_from_command_line

    from catalog.index import live_index
    from indexing.embedding import decoding
    from indexing.pipeline.stages import STAGES, Stages
    from tests.indexing.histogram_encoder import make_encoders

    made = make_encoders()
    slow_down(made)
    real = live_index.load_encoder

    def load_encoder(name: str, *args: object) -> Encoder:
        return made[name] if name in made else real(name, *args)  # type: ignore[arg-type]

    live_index.load_encoder = load_encoder
    decoding.DECODING_TIMEOUT_S = float(
        os.environ.get("TEST_TIMEOUT_S", decoding.DECODING_TIMEOUT_S)
    )
    for kind, stages in STAGES.items():
        STAGES[kind] = Stages(replace(stage, perform=watched(stage.perform)) for stage in stages)
    if sys.argv[1] == "make_shop":
        from tests.indexing.shop import add_products

        add_products(range(int(sys.argv[2])))
        return
    note(f"ready {os.getpid()}")
    execute_from_command_line(["manage.py", *sys.argv[1:]])


def slow_down(encoders: dict[str, Encoder]) -> None:
    """Makes encoders take TEST_ENCODE_S longer for each image, without using a core."""
    for encoder in encoders.values():
        encoder.encode_pixels = slowed(encoder.encode_pixels)  # type: ignore[method-assign]


def slowed(encode):  # type: ignore[no-untyped-def]
    seconds = float(os.environ.get("TEST_ENCODE_S", "0"))

    def encode_slowly(pixels):  # type: ignore[no-untyped-def]
        time.sleep(seconds * len(pixels))
        return encode(pixels)

    return encode_slowly


def watched(perform):  # type: ignore[no-untyped-def]
    """Wraps a stage's `perform`. The wrapper notes each chunk and pauses before and after the work.
    If TEST_DIES_AFTER names the stage, it dies after the work, before the chunk is marked as
    done."""

    def perform_watched(chunk, check):  # type: ignore[no-untyped-def]
        note(f"{chunk.stage} {chunk.ordinal}")
        pause(chunk.stage)
        perform(chunk, check)
        pause(chunk.stage)
        dies_after = os.environ.get("TEST_DIES_AFTER", "").split()
        if chunk.stage in dies_after and chunk.ordinal == 0 and chunk.attempts == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    return perform_watched


def note(line: str) -> None:
    with Path(os.environ["TEST_JOURNAL"]).open("a") as journal:
        journal.write(f"{line}\n")


def pause(stage: str) -> None:
    pauses = json.loads(Path(os.environ["TEST_PAUSES"]).read_text())
    time.sleep(pauses.get(stage, 0) / 2)


if __name__ == "__main__":
    main()
