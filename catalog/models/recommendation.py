"""Factor models: generations of what Vitrina has learned from the history of shoppers."""

import numpy as np
from django.db import models
from django.db.models import Q

from catalog.models.embedding import EncoderVersion


class FactorModel(models.Model):
    """Factors of products, learned from events, in a table of its own. At most one model is live.
    `indexing/recommendations` writes it; searches read it. Nothing in it names a shopper."""

    class State(models.TextChoices):
        BUILDING = "building"
        BUILT = "built"
        LIVE = "live"
        RETIRED = "retired"
        REJECTED = "rejected"
        DROPPED = "dropped"

    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    dimensions = models.PositiveSmallIntegerField()
    alpha = models.FloatField(help_text="Confidence that a preference of weight 1 adds.")
    regularization = models.FloatField()
    longest = models.FloatField(default=0, help_text="Length of the longest factor.")
    gram_bytes = models.BinaryField(
        default=b"", help_text="Sum of the products of factors with themselves: float32."
    )
    encoder = models.ForeignKey(
        EncoderVersion,
        null=True,
        on_delete=models.SET_NULL,
        help_text="Encoder whose embeddings give factors to products without history.",
    )
    ridge_bytes = models.BinaryField(
        default=b"", help_text="From an embedding and a 1 to a factor: float32, row major."
    )
    figures = models.JSONField(default=dict, help_text="Quality on the last days, held out.")
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="live"), name="one_live_factor_model"
            )
        ]

    def __str__(self) -> str:
        return f"factor model {self.pk} ({self.state})"

    @property
    def factor_table(self) -> str:
        """The name of its table, with columns product_id, is_learned and factor."""
        return f"catalog_factor_m{self.pk}"

    @property
    def gram(self) -> np.ndarray:
        """The Gram matrix of the learned factors, float32 (dimensions, dimensions)."""
        return np.frombuffer(bytes(self.gram_bytes), np.float32).reshape(2 * (self.dimensions,))

    @property
    def ridge(self) -> np.ndarray | None:
        """The matrix (numbers of an embedding + 1, dimensions), float32; None without one."""
        stored = np.frombuffer(bytes(self.ridge_bytes), np.float32)
        return stored.reshape(-1, self.dimensions) if len(stored) else None
