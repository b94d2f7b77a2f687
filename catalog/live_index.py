"""The live generation, with its encoder and projection: what a query must be encoded with."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.conf import settings

from catalog.models import EncoderVersion, Generation
from catalog.visual.encoder import Encoder, EncoderError, load_encoder
from catalog.visual.projection import project


class IndexNotReady(Exception):
    """No generation is live yet."""


@dataclass(frozen=True)
class LiveIndex:
    """One generation and the only encoder and projection that may speak to it."""

    generation: Generation
    encoder: Encoder
    matrix: np.ndarray

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Encoder space (n, 512) → the graph's space, float32 (n, 128), unit length."""
        return project(self.matrix, vectors)


def encoder_named(name: str) -> Encoder:
    """The encoder of that name, as the settings say it is to be run. Raises EncoderError."""
    return load_encoder(
        name, settings.ENCODER_CACHE, settings.ENCODER_DEVICE, settings.ENCODER_THREADS
    )


def encoder_of(version: EncoderVersion) -> Encoder:
    """The encoder of a stored version, also when another has taken its name since; refuses one
    whose weights are not the stored ones."""
    encoder = load_encoder(
        version.name,
        settings.ENCODER_CACHE,
        settings.ENCODER_DEVICE,
        settings.ENCODER_THREADS,
        version.checksum,
    )
    if encoder.checksum != version.checksum:
        raise EncoderError(
            f"The encoder {version.name!r} has changed since the index was built "
            f"({version.checksum[:8]} then, {encoder.checksum[:8]} now): run 'index rebuild'."
        )
    return encoder


def live_generation() -> Generation | None:
    """The generation that answers searches, or None before the first was published."""
    return (
        Generation.objects.select_related("encoder", "projection")
        .filter(state=Generation.State.LIVE)
        .first()
    )


def live_index() -> LiveIndex:
    """One query, and the loaded encoder. Raises IndexNotReady or EncoderError."""
    generation = live_generation()
    if generation is None:
        raise IndexNotReady("The index is being built for the first time.")
    return open_index(generation)


def open_index(generation: Generation) -> LiveIndex:
    """Any generation that has a projection, live or not."""
    assert generation.projection is not None
    matrix = _matrix(
        generation.projection.checksum,
        bytes(generation.projection.matrix),
        generation.projection.dimensions,
    )
    return LiveIndex(generation, encoder_of(generation.encoder), matrix)


@lru_cache(maxsize=4)
def _matrix(checksum: str, data: bytes, dimensions: int) -> np.ndarray:
    return np.frombuffer(data, np.float32).reshape(dimensions, -1)
