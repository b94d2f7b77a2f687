"""Where searches and events come from: enough to bound what one sender can do, and not enough to
find the sender."""

from django.db import models

from catalog.models.querysets import ClickBurstQuerySet


class OriginKey(models.Model):
    """The random key of a day (UTC), with which the network addresses of that day are hashed to
    origins. It is deleted when the day is over. From then on, no address follows from an origin,
    and no two days' origins can be compared."""

    day = models.DateField(primary_key=True)
    key = models.BinaryField()

    def __str__(self) -> str:
        return f"key of {self.day}"


class EventAllowance(models.Model):
    """How far one bucket of senders has used up its allowance of events: until `spent_until` it
    has sent as many as it may at its rate (a virtual scheduling algorithm, ITU-T I.371). Unlogged:
    a crash of the database empties it. Senders share a fixed number of buckets, so that nobody can
    make the table grow."""

    bucket = models.IntegerField(primary_key=True)
    spent_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"bucket {self.bucket}"


class ClickBurst(models.Model):
    """Clicks that came too thick to be shoppers', from one origin or on one product in a day. They
    teach nothing unless an operator decides that they count."""

    class Reason(models.TextChoices):
        ORIGIN_IN_A_DAY = "origin_day", "One address clicked far more than others do in a day"
        ORIGIN_IN_SECONDS = "origin_seconds", "One address searched and clicked within seconds"
        PRODUCT_IN_A_DAY = "product_day", "The product was clicked far more than on other days"
        PRODUCT_IN_SECONDS = "product_seconds", "The product was clicked by many within seconds"

    class Decision(models.TextChoices):
        OPEN = "open", "nobody has looked yet"
        COUNT = "count", "they count"
        LEAVE_OUT = "leave_out", "they do not count"

    day = models.DateField()
    reason = models.CharField(max_length=16, choices=Reason.choices)
    origin = models.CharField(max_length=32, blank=True)
    product_id = models.BigIntegerField(default=0)  # 0: of an origin
    clicks = models.PositiveIntegerField(help_text="That were set aside.")
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.OPEN)
    found_at = models.DateTimeField(auto_now_add=True)
    objects = ClickBurstQuerySet.as_manager()

    class Meta:
        verbose_name = "burst of clicks"
        verbose_name_plural = "bursts of clicks"
        ordering = ["-day", "-clicks"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "reason", "origin", "product_id"], name="one_burst_of_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clicks} clicks on {self.day}"
