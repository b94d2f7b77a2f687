"""Generations: the published states of the index."""

from functools import cached_property

import numpy as np
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.index.match import Calibration
from catalog.models.embedding import Adapter, EncoderVersion, Projection


class Generation(models.Model):
    """An encoder, a projection and HNSW settings, with a vector table of its own. At most one
    generation is live. Another encoder may encode the queries of the live one, through an
    adapter."""

    class State(models.TextChoices):
        BUILDING = "building"
        BUILT = "built"
        LIVE = "live"
        RETIRED = "retired"
        REJECTED = "rejected"
        DROPPED = "dropped"

    encoder = models.ForeignKey(EncoderVersion, on_delete=models.PROTECT)
    projection = models.ForeignKey(Projection, null=True, blank=True, on_delete=models.PROTECT)
    query_adapter = models.ForeignKey(
        Adapter,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Adapter for the queries of another encoder. Empty: `encoder` encodes them.",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    hnsw_m = models.PositiveSmallIntegerField("HNSW m")
    hnsw_ef_construction = models.PositiveSmallIntegerField("HNSW ef_construction")
    images = models.PositiveBigIntegerField(default=0)
    products = models.PositiveBigIntegerField(default=0)
    recall_at_20 = models.FloatField(
        "recall@20", null=True, blank=True, help_text="Recall of the graph against exact search."
    )
    match = models.JSONField(
        default=dict,
        blank=True,
        help_text="Calibrated thresholds of the match levels.",
    )
    nothing_vectors = models.BinaryField(
        default=b"",
        help_text="Vectors of photos of nothing in the index space: float16, row major.",
    )
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="live"), name="one_live_generation"
            ),
            models.CheckConstraint(
                condition=Q(state="live") | Q(query_adapter=None),
                name="only_the_live_one_is_adapted",
            ),
        ]

    def __str__(self) -> str:
        return f"generation {self.pk} ({self.state})"

    @property
    def query_encoder(self) -> EncoderVersion:
        """The encoder of queries. The encoder of the embeddings is always `encoder`."""
        return self.query_adapter.query_encoder if self.query_adapter else self.encoder

    @property
    def calibration(self) -> Calibration:
        """The thresholds of match levels, for its query encoder and index encoder together."""
        return Calibration.from_json((self.query_adapter or self).match)

    @property
    def is_calibrated(self) -> bool:
        """Whether its calibration is of the present form. Older versions stored another one."""
        return Calibration.is_current((self.query_adapter or self).match)

    @cached_property
    def nothing(self) -> np.ndarray:
        """The vectors of photos of nothing that belong to the calibration, float32 (n, dimensions);
        n is 0 if it has none."""
        stored = bytes((self.query_adapter or self).nothing_vectors)
        vectors = np.frombuffer(stored, np.float16).reshape(-1, self.encoder.dimensions)
        return vectors.astype(np.float32)

    @property
    def vector_table(self) -> str:
        """The name of its table, with columns product_id, image_id, source_hash and vector."""
        return f"catalog_vector_g{self.pk}"


class Publication(models.Model):
    """One switch to a generation. The rows that are not undone form a stack, oldest first: the last
    one is live, and each roll back undoes the last one. `indexing/generations/publishing.py` writes
    it."""

    generation = models.ForeignKey(
        Generation, on_delete=models.CASCADE, related_name="publications"
    )
    at = models.DateTimeField("time", default=timezone.now)
    undone_at = models.DateTimeField(
        null=True, blank=True, help_text="Time of the rollback that undid this switch."
    )
    kept_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Time when it was decided to keep the generation, though it had been worse.",
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.generation} at {self.at:%Y-%m-%d %H:%M}"
