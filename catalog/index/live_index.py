"""The live generation, with what speaks to it.

There are two spaces at most: the index space of `generation.encoder`, where all embeddings of the
catalogue are, and, while another encoder asks, the space of that one's queries. Catalogue photos
are embedded by `encoder_of(generation.encoder)`; queries only by `LiveIndex`, whose `encode_images`
and `encode_texts` give vectors of the index space, whoever encoded them."""

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

LIVE = "SELECT id, xmin::text FROM catalog_generation WHERE state = 'live'"


class IndexNotReady(Exception):
    """No generation is live yet."""


@dataclass(frozen=True)
class IndexSpace:
    """A generation and its projection: what its vectors are made with. It encodes nothing."""

    generation: Generation
    matrix: np.ndarray

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Index space (n, 512) → the graph's space, float32 (n, 128), unit length."""
        return project(self.matrix, vectors)


@dataclass(frozen=True)
class LiveIndex(IndexSpace):
    """As that, with the only encoder, and the adapter if it needs one, that may ask it."""

    query_encoder: Encoder
    adapter: FittedAdapter | None = None

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """RGB query photos → index space, float32 (n, dimensions), unit length."""
        return self.to_index_space(self.query_encoder.encode_images(images))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Query texts → index space, float32 (n, dimensions), unit length."""
        return self.to_index_space(self.query_encoder.encode_texts(texts))

    def to_index_space(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors by the query encoder (n, its dimensions) → index space: through the adapter, or
        as they are where the query encoder is the stored one."""
        return adapt(self.adapter, vectors) if self.adapter else vectors


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
    return _with_all().filter(state=Generation.State.LIVE).first()


def live_index() -> LiveIndex:
    """The live generation and the loaded encoder. One small query: the rest is read again when
    another generation is live or its row has changed. Raises IndexNotReady or EncoderError."""
    rows = fetch_rows(LIVE, [])
    if not rows:
        raise IndexNotReady("The index is being built for the first time.")
    return open_index(_generation(*rows[0]))


@lru_cache(maxsize=2)
def _generation(pk: int, _version: str) -> Generation:
    return _with_all().get(pk=pk)


def _with_all() -> QuerySet[Generation]:
    related = (
        "encoder",
        "projection",
        "query_adapter__query_encoder",
        "query_adapter__index_encoder",
    )
    parameters = "query_adapter__parameters"  # a megabyte, kept once it was read
    return Generation.objects.select_related(*related).defer(parameters)


def open_index(generation: Generation) -> LiveIndex:
    """Any generation that has a projection, live or not, ready to be asked. Raises EncoderError."""
    adapter = generation.query_adapter
    return LiveIndex(
        generation,
        open_space(generation).matrix,
        encoder_of(generation.query_encoder),
        opened_adapter(adapter) if adapter else None,
    )


def open_space(generation: Generation) -> IndexSpace:
    """Any generation that has a projection, to be filled; loads no encoder."""
    assert generation.projection is not None
    matrix = _matrix(
        generation.projection.checksum,
        bytes(generation.projection.matrix),
        generation.projection.dimensions,
    )
    return IndexSpace(generation, matrix)


def opened_adapter(adapter: Adapter) -> FittedAdapter:
    """A stored adapter, read and checked once a process. Raises EncoderError for a damaged one."""
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
