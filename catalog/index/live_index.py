"""The live generation, and how queries reach its space.

All embeddings of the catalogue lie in the index space, that of `generation.encoder`. Photos of the
catalogue are embedded by `encoder_of(generation.encoder)`. Queries are encoded only by a
`LiveIndex`. It returns vectors of the index space even if another encoder, with an adapter, encodes
the queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from PIL import Image

from catalog.index.prepared_sql import fetch_rows
from catalog.models import Adapter, EncoderVersion, Generation
from catalog.visual.adapter import FittedAdapter, adapt, unpack
from catalog.visual.encoder import Encoder
from catalog.visual.errors import EncoderError
from catalog.visual.load_encoder import load_encoder
from catalog.visual.projection import project

LIVE_GENERATION = "SELECT id, xmin::text FROM catalog_generation WHERE state = 'live'"


class IndexNotReady(Exception):
    """No generation is live yet, or the store does not have it."""


@dataclass(frozen=True)
class IndexSpace:
    """A generation and its projection, which turn embeddings into the generation's vectors."""

    generation: Generation
    matrix: np.ndarray

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Projects vectors of the index space (n, dimensions) → float32 (n, 128), unit length."""
        return project(self.matrix, vectors)


@dataclass(frozen=True)
class LiveIndex(IndexSpace):
    """An index space with the encoder of its queries, and the adapter that this encoder needs."""

    query_encoder: Encoder
    adapter: FittedAdapter | None = None

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Encodes RGB query photos → index space, float32 (n, dimensions), unit length."""
        return self.to_index_space(self.query_encoder.encode_images(images))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Encodes query texts → index space, float32 (n, dimensions), unit length."""
        return self.to_index_space(self.query_encoder.encode_texts(texts))

    def to_index_space(self, vectors: np.ndarray) -> np.ndarray:
        """Maps vectors by the query encoder (n, its dimensions) → index space. Without an adapter,
        they are already in it."""
        return adapt(self.adapter, vectors) if self.adapter else vectors


def encoder_named(name: str) -> Encoder:
    """Returns the encoder of that name, run as the settings say. Raises EncoderError."""
    return load_encoder(
        name, settings.ENCODER_CACHE, settings.ENCODER_DEVICE, settings.ENCODER_THREADS
    )


def encoder_of(version: EncoderVersion) -> Encoder:
    """Returns the encoder of a registered version, even if its name now stands for other weights.
    Raises EncoderError if the weights of that version cannot be loaded."""
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
    """Returns the generation that answers searches, or None before the first is published."""
    return _with_related().filter(state=Generation.State.LIVE).first()


def live_index() -> LiveIndex:
    """Returns the live generation, ready for queries. Each call makes one small query. The rest is
    cached until another generation is live or its row changes. Raises IndexNotReady or
    EncoderError."""
    return open_index(_live_generation())


def live_space() -> IndexSpace:
    """Returns the live generation, for queries by vectors of its index space. Loads no encoder.
    Raises IndexNotReady."""
    return open_space(_live_generation())


def _live_generation() -> Generation:
    rows = fetch_rows(LIVE_GENERATION, [])
    if not rows:
        raise IndexNotReady("The index is being built for the first time.")
    return _generation(*rows[0])


@lru_cache(maxsize=2)
def _generation(pk: int, _version: str) -> Generation:
    return _with_related().get(pk=pk)


def _with_related() -> QuerySet[Generation]:
    related = (
        "encoder",
        "projection",
        "query_adapter__query_encoder",
        "query_adapter__index_encoder",
    )
    parameters = "query_adapter__parameters"  # a megabyte, which `open_adapter` caches
    return Generation.objects.select_related(*related).defer(parameters)


def open_index(generation: Generation) -> LiveIndex:
    """Opens a generation that has a projection, live or not, for queries. Raises EncoderError."""
    adapter = generation.query_adapter
    return LiveIndex(
        generation,
        open_space(generation).matrix,
        encoder_of(generation.query_encoder),
        open_adapter(adapter) if adapter else None,
    )


def open_space(generation: Generation) -> IndexSpace:
    """Opens a generation that has a projection, for writing. Loads no encoder."""
    assert generation.projection is not None
    matrix = _matrix(
        generation.projection.checksum,
        bytes(generation.projection.matrix),
        generation.projection.dimensions,
    )
    return IndexSpace(generation, matrix)


def open_adapter(adapter: Adapter) -> FittedAdapter:
    """Reads and checks an adapter, once in each process. Raises EncoderError if it is damaged."""
    return _adapter(adapter.pk, adapter.checksum)


@lru_cache(maxsize=4)
def _adapter(pk: int, checksum: str) -> FittedAdapter:
    stored = Adapter.objects.get(pk=pk)
    try:
        fitted = unpack(stored.kind, bytes(stored.parameters), stored.shapes)
    except ValueError as error:
        raise EncoderError(f"{stored} is damaged: {error}") from error
    if fitted.checksum != checksum:
        raise EncoderError(f"{stored} is damaged: run 'index rollback'.")
    return fitted


@lru_cache(maxsize=4)
def _matrix(checksum: str, data: bytes, dimensions: int) -> np.ndarray:
    return np.frombuffer(data, np.float32).reshape(dimensions, -1)
