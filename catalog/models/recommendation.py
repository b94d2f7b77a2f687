"""Factor models: generations of what Vitrina has learned from the history of shoppers. Experiments,
which compare two rankings of recommendations."""

import hmac
import secrets
from datetime import datetime

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models.embedding import EncoderVersion
from catalog.models.feedback import origin_field


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


def make_salt() -> bytes:
    """Returns a random key for `RankingExperiment.hash_sender`."""
    return secrets.token_bytes(32)


class RankingExperiment(models.Model):
    """Two rankings of recommendations, each shown to half of the sessions until `ends_at`, or until
    `stopped_at`. The ranking that was adopted last is shown to everybody else
    (docs/decisions/0045). `catalog/quality/ranking_experiments.py` writes the rows."""

    first = models.CharField(_("first ranking"), max_length=20)
    second = models.CharField(_("second ranking"), max_length=20)
    salt = models.BinaryField(default=make_salt)
    started_by = models.CharField(_("by"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    ends_at = models.DateTimeField(_("ends"))
    stopped_at = models.DateTimeField(_("stopped"), null=True)
    is_open = models.BooleanField(_("open"), default=True)
    sums = models.JSONField(
        default=list, help_text=_("What was counted, once the rows of sessions are deleted.")
    )
    adopted = models.CharField(_("adopted"), max_length=20, blank=True)
    adopted_at = models.DateTimeField(_("adopted at"), null=True)

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_open"], condition=Q(is_open=True), name="one_open_experiment"
            )
        ]

    def __str__(self) -> str:
        return f"experiment {self.pk}: {self.first} and {self.second}"

    @property
    def ended_at(self) -> datetime:
        """When sessions were assigned for the last time, or will be."""
        return min(self.stopped_at or self.ends_at, self.ends_at)

    @property
    def is_running(self) -> bool:
        return self.is_open and timezone.now() < self.ends_at

    @property
    def was_cut_short(self) -> bool:
        """Whether somebody stopped it before its time."""
        return self.stopped_at is not None and self.stopped_at < self.ends_at

    def hash_sender(self, user: str = "", session: str = "") -> str:
        """Returns the keyed hash of a user, or else of a session: 32 hexadecimal digits."""
        name = f"user {user}" if user else f"session {session}"
        return hmac.digest(bytes(self.salt), name.encode(), "sha256").hex()[:32]


class ExperimentSession(models.Model):
    """What one session, or user, was shown and opened in an experiment. `sender` is
    `RankingExperiment.hash_sender` of it. Each product counts once."""

    pk = models.CompositePrimaryKey("experiment_id", "sender")
    experiment = models.ForeignKey(RankingExperiment, on_delete=models.CASCADE)
    sender = models.CharField(max_length=32)
    is_second = models.BooleanField()
    at = models.DateTimeField(default=timezone.now)
    origin = origin_field()
    queries = ArrayField(models.UUIDField(), help_text="The answers that were shown.")
    shown = ArrayField(models.BigIntegerField())
    clicked = ArrayField(models.BigIntegerField(), default=list)

    def __str__(self) -> str:
        return f"session {self.sender[:8]} of experiment {self.experiment_id}"
