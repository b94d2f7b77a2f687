"""Logged searches, the actions of shoppers, and what Vitrina learns from both."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models.querysets import EventQuerySet


def origin_field() -> models.CharField:
    """Returns a field for the hashed network address of a sender (see
    `catalog.models.origins.OriginKey`). It is empty in rows from before the field existed."""
    return models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)


TOTAL_MS = Cast(KT("timings_ms__total"), models.FloatField())
"""The duration of a logged search in ms, as an expression."""


class LoggedSearch(models.Model):
    """One page of results as a shopper saw it. Rows are kept for SEARCH_LOG_DAYS days."""

    query_id = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField("time", default=timezone.now, db_index=True)
    kind = models.CharField(max_length=10)
    generation_id = models.BigIntegerField()
    timings_ms = models.JSONField()
    filtered = models.BooleanField()
    sort = models.CharField(max_length=10)
    offset = models.PositiveIntegerField(help_text="Number of results on earlier pages.")
    products = ArrayField(models.BigIntegerField(), help_text="Product ids, in the order shown.")
    features = models.JSONField(help_text="Ranking features of each product.")
    best_match = models.CharField(
        "best match",
        max_length=7,
        blank=True,
        default="",
        db_default="",
        help_text="Highest match level of the results. Empty: there are none, or it is unknown.",
    )
    words = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Kept for SEARCH_LOG_WORDS_DAYS days.",
    )
    origin = origin_field()

    class Meta:
        verbose_name = "search"
        verbose_name_plural = "searches"
        ordering = ["-at"]
        indexes = [
            models.Index(TOTAL_MS, name="logged_search_total_ms"),
            models.Index(fields=["best_match", "at"], name="logged_search_match"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.query_id[:8]}"


class Event(models.Model):
    """A shopper's action on a product, stored once. With a `query_id`, the action was on a result
    of that search. The table has a partition for each month (UTC), which the database function
    `catalog_event_months` makes, and one for all other times. Rows are kept for HISTORY_DAYS
    days."""

    class Type(models.TextChoices):
        VIEW = "view"
        CLICK = "click"
        CART = "cart"
        PURCHASE = "purchase"
        WRONG = "wrong"

    class Channel(models.TextChoices):
        """How an event came."""

        PAGE = "page", _("pages of Vitrina")
        COMPONENT = "component", _("web component")
        SERVER = "server", _("apps and servers with a secret key")
        OPEN = "open", _("calls without a key")
        FILE = "file", _("files")

    at = models.DateTimeField("time", default=timezone.now)
    type = models.CharField(max_length=8, choices=Type.choices)
    product_id = models.BigIntegerField()
    user = models.CharField(max_length=100, blank=True)
    session = models.CharField(max_length=100, blank=True)
    query_id = models.CharField(max_length=32, blank=True)
    origin = origin_field()
    channel = models.CharField(
        max_length=9,
        choices=Channel.choices,
        blank=True,
        default="",
        db_default="",
        help_text="Empty in rows from before the field existed.",
    )
    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["query_id"], name="event_query", condition=~Q(query_id="")),
            models.Index(fields=["product_id", "-id"], name="event_product"),
            models.Index(fields=["session", "id"], name="event_session", condition=~Q(session="")),
            models.Index(fields=["user", "id"], name="event_user", condition=~Q(user="")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["at", "product_id", "type", "session", "user", "query_id"],
                name="event_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} of product {self.product_id}"


class ClickRate(models.Model):
    """How often shoppers open a product that they are shown, corrected for its positions on the
    pages."""

    product_id = models.BigIntegerField(primary_key=True)
    clicks = models.PositiveBigIntegerField()
    expected = models.FloatField(help_text="Clicks of a usual product in the same positions.")
    rate = models.FloatField(help_text="0 to 1. A usual product has 0.5.")

    class Meta:
        ordering = ["-rate"]

    def __str__(self) -> str:
        return f"product {self.product_id}: {self.rate:.2f}"


class Reranker(models.Model):
    """Weights of the features, learnt from clicks, relative to a weight of 1 for the cosine. They
    are empty if the learnt weight of the cosine is not positive. At most one reranker is active;
    its weights replace RANKING_WEIGHTS."""

    weights = models.JSONField()
    figures = models.JSONField(help_text="Quality on held-out clicks.")
    is_active = models.BooleanField("active", default=False)
    withdrawn = models.BooleanField(
        "deactivated by an operator",
        default=False,
        help_text="Nightly training activates no reranker while this is set.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(is_active=True), name="one_active_reranker"
            )
        ]

    def __str__(self) -> str:
        return f"reranker {self.pk}{' (active)' if self.is_active else ''}"
