"""Adapters: by which a new encoder may ask an index that an old one made."""

from django.db import models

from catalog.models.embedding import EncoderVersion
from catalog.visual.adapter import KINDS


class Adapter(models.Model):
    """A map from the space of `asker`'s queries to the space of `stored`'s embeddings, with what it
    was measured to reach. Fitted by `indexing/adapters/fitting.py`."""

    asker = models.ForeignKey(EncoderVersion, on_delete=models.CASCADE, related_name="adapters")
    stored = models.ForeignKey(EncoderVersion, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    parameters = models.BinaryField(help_text="float32, row major, one array after the other.")
    shapes = models.JSONField(help_text="Of those arrays, as catalog/visual/adapter.py names them.")
    checksum = models.CharField(max_length=64)
    sample = models.PositiveIntegerField(help_text="How many photos it was fitted on.")
    figures = models.JSONField(default=dict, help_text="On photos held out; of every kind tried.")
    match = models.JSONField(
        default=dict, blank=True, help_text="As that of a generation, for searches that come by it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"adapter {self.pk}: {self.asker} → {self.stored}"
