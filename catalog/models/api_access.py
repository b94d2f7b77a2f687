"""Keys of the REST API, calls that may be repeated, and the webhooks that tell other systems what
happened."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """What a key is for. `catalog` changes products and their sources, `index` controls the
    index."""

    SEARCH = "search", _("search and read products")
    EVENTS = "events", _("report events")
    CATALOG = "catalog", _("change products")
    INDEX = "index", _("control the index")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> "ApiKeyQuerySet":
        """The keys that are neither revoked nor expired."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(unexpired, revoked_at=None)

    def allowing(self, origin: str, scopes: Any) -> "ApiKeyQuerySet":
        """The usable keys for pages of this origin, with at least one of the scopes."""
        keys = self.usable().filter(kind=ApiKey.Kind.PUBLISHABLE, origins__contains=[origin])
        return keys.filter(scopes__overlap=list(scopes))


class ApiKey(models.Model):
    """A key of the REST API. The key itself is not stored, only its digest.
    `catalog/api/access_keys.py` writes the rows."""

    class Kind(models.TextChoices):
        SECRET = "secret", _("secret: for servers and apps")
        PUBLISHABLE = "publishable", _("publishable: for pages of a shop")

    name = models.CharField(_("name"), max_length=100, help_text=_("What uses the key."))
    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices, default=Kind.SECRET)
    scopes = ArrayField(
        models.CharField(max_length=10, choices=Scope.choices), verbose_name=_("used to")
    )
    origins = ArrayField(
        models.CharField(max_length=300), default=list, blank=True, verbose_name=_("origins")
    )
    beginning = models.CharField(_("begins with"), max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256, hexadecimal
    calls_per_minute = models.PositiveIntegerField(
        _("calls a minute"), null=True, blank=True, help_text=_("Empty: the limit of the settings.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("by"), max_length=200, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="publishable") | Q(scopes__contained_by=["search", "events"]),
                name="publishable_keys_only_search",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_publishable(self) -> bool:
        return self.kind == self.Kind.PUBLISHABLE

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Webhook(models.Model):
    """An address that is told of events from `enabled_at` on. `secret` signs what is sent, so it is
    stored as it is. `was_fresh`: whether the index was fresh when it was last looked at."""

    class Event(models.TextChoices):
        RUN_DONE = "run_done", _("a run is done")
        FRESHNESS_LOST = "freshness_lost", _("the index is fresh no longer")
        GENERATION_REJECTED = "generation_rejected", _("a generation was rejected")

    TEST = "test"  # the event of a delivery that somebody asks for to try the address

    url = models.CharField(_("address"), max_length=2000)
    events = ArrayField(
        models.CharField(max_length=30, choices=Event.choices), verbose_name=_("told of")
    )
    enabled = models.BooleanField(
        _("enabled"), default=True, help_text=_("A disabled webhook is told nothing.")
    )
    secret = models.CharField(max_length=100, editable=False)
    was_fresh = models.BooleanField(default=True, editable=False)
    enabled_at = models.DateTimeField(default=timezone.now, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("by"), max_length=200, editable=False)

    class Meta:
        ordering = ["id"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """An event that is, or was, sent to a webhook. `about` names what it is about, such as a run,
    so that nothing is told twice. Kept for some days."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(_("event"), max_length=30)
    about = models.CharField(_("about"), max_length=60)
    body = models.JSONField()
    created_at = models.DateTimeField(_("noted"), default=timezone.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt"), null=True, default=timezone.now)
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event", "about"], name="told_once")
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="delivery_due", condition=Q(next_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.about}"


class IdempotentCall(models.Model):
    """A call with the header `Idempotency-Key`, and its answer. `digest` is a keyed hash of the
    call, its caller and the header. `body_hash` is that of the body. Kept for a day."""

    digest = models.CharField(max_length=64, primary_key=True)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.TextField(blank=True)  # JSON
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"call {self.digest[:8]}"
