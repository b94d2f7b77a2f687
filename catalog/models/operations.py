"""What operators look back on: who changed what, and how the installation fared."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from catalog.models.feedback import origin_field


class AuditEntry(models.Model):
    """One change that a person, a command or the schedule made. `catalog/console/audit_log.py`
    writes the rows; nobody can change or delete them in the console."""

    at = models.DateTimeField(_("time"), default=timezone.now, db_index=True, editable=False)
    by = models.CharField(
        _("by"), max_length=200, db_index=True, help_text=_("A user name, or a command.")
    )
    action = models.CharField(_("action"), max_length=100)
    target = models.CharField(_("on"), max_length=500, blank=True)
    detail = models.TextField(_("detail"), blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ["-id"]
        permissions = [
            ("view_console", "Can look at the pages of the console"),
            ("operate", "Can refresh, retry, import and do the daily work"),
            ("publish", "Can rebuild, publish, roll back, train and set schedules"),
        ]

    def __str__(self) -> str:
        return f"{self.by}: {self.action} {self.target}".strip()


class Measurement(models.Model):
    """How the installation fared at a moment. `indexing/monitoring/measurements.py` says what is
    measured, and removes rows that are older than MEASUREMENT_DAYS days."""

    at = models.DateTimeField("time", primary_key=True, default=timezone.now)
    figures = models.JSONField(help_text="Numbers by name. Durations are in seconds or ms.")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class RefusedSearches(models.Model):
    """How many searches were answered 503 in a minute, because too many came at once. The web
    processes add to the rows; the measurements read them."""

    minute = models.DateTimeField(primary_key=True)
    number = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-minute"]

    def __str__(self) -> str:
        return f"{self.number} at {self.minute:%Y-%m-%d %H:%M}"


class QuerySample(models.Model):
    """The vector of a shopper's photo, in the index space of `encoder_id`. Each day has a number of
    slots, and keeps one search by a photo alone in each: a random sample, however many searches
    there are. `search/events/query_sample.py` writes the rows, `indexing/monitoring/drift` reads
    them. They are kept for SEARCH_LOG_DAYS days."""

    pk = models.CompositePrimaryKey("day", "slot")
    day = models.DateField()
    slot = models.PositiveSmallIntegerField()
    query_id = models.CharField(max_length=32, help_text="The least one of its slot stays.")
    encoder_id = models.BigIntegerField()
    vector = HalfVectorField()
    origin = origin_field()

    def __str__(self) -> str:
        return f"{self.day} {self.slot}"
