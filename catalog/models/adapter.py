"""Adapters, through which a new encoder's queries search the vectors of an older encoder."""

from django.db import models

from catalog.models.embedding import EncoderVersion
from catalog.visual.adapter import KINDS


class Adapter(models.Model):
    """A map from the space of `query_encoder` to the space of `index_encoder`, with its measured
    recall. `indexing/adapters/fitting.py` fits it."""

    query_encoder = models.ForeignKey(
        EncoderVersion, on_delete=models.CASCADE, related_name="adapters"
    )
    index_encoder = models.ForeignKey(EncoderVersion, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    parameters = models.BinaryField(help_text="The arrays, one after another: float32, row major.")
    shapes = models.JSONField(
        help_text="Shapes of the arrays. `catalog/visual/adapter.py` describes them."
    )
    checksum = models.CharField(max_length=64)
    sample = models.PositiveIntegerField(help_text="Number of photos the adapter was fitted on.")
    figures = models.JSONField(
        default=dict, help_text="Recall on held-out photos, for every kind of adapter tried."
    )
    match = models.JSONField(
        default=dict,
        blank=True,
        help_text="Calibration of match levels for searches through this adapter.",
    )
    nothing_vectors = models.BinaryField(
        default=b"",
        help_text="Vectors of photos of nothing in the index space: float16, row major.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"adapter {self.pk}: {self.query_encoder} → {self.index_encoder}"
