"""Origins of searches and events. They limit what one sender can do and do not identify the
sender."""

from django.db import models

from catalog.models.querysets import ClickBurstQuerySet


class OriginKey(models.Model):
    """The random key of a day (UTC). It hashes the network addresses of that day to origins. It is
    deleted when the day is over: from then on, nobody can compute an origin from an address, and
    origins of different days cannot be compared."""

    day = models.DateField(primary_key=True)
    key = models.BinaryField()

    def __str__(self) -> str:
        return f"key of {self.day}"


class EventAllowance(models.Model):
    """The time until which one bucket of senders has used up its allowance of events or calls (the
    virtual scheduling algorithm of ITU-T I.371). Senders share a fixed number of buckets, so nobody
    can make the table grow. The table is unlogged: a crash of the database empties it."""

    bucket = models.IntegerField(primary_key=True)
    spent_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"bucket {self.bucket}"


class ClickBurst(models.Model):
    """More clicks of one origin, or on one product, in a day than shoppers make. They are left out
    of training unless an operator decides that they count."""

    class Reason(models.TextChoices):
        ORIGIN_IN_A_DAY = "origin_day", "One address clicked far more often in a day than others"
        ORIGIN_IN_SECONDS = "origin_seconds", "One address searched and clicked within seconds"
        PRODUCT_IN_A_DAY = "product_day", "The product got far more clicks than on other days"
        PRODUCT_IN_SECONDS = (
            "product_seconds",
            "The product got clicks from many addresses within seconds",
        )

    class Decision(models.TextChoices):
        OPEN = "open", "undecided"
        COUNT = "count", "counted"
        LEAVE_OUT = "leave_out", "left out"

    day = models.DateField()
    reason = models.CharField(max_length=16, choices=Reason.choices)
    origin = models.CharField(max_length=32, blank=True)
    product_id = models.BigIntegerField(default=0)  # 0: the burst is of an origin
    clicks = models.PositiveIntegerField(help_text="Number of clicks in the burst.")
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
