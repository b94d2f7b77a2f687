"""The ledger of offline work: runs and their chunks, image failures and evaluations."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.models import Adapter, Generation
from catalog.models.product import HASH_LENGTH


class IndexingRun(models.Model):
    """One piece of offline work, cut into chunks. Any number of workers (tasks, commands) may join
    and leave it: the chunks record what is done and what is left."""

    class Kind(models.TextChoices):
        REFRESH = "refresh"
        REBUILD = "rebuild"
        TRAINING = "training"
        FETCH = "fetch"
        IMPORT = "import"
        ADOPTION = "adoption"
        RECOMMENDATIONS = "recommendations"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    UNFINISHED = (State.QUEUED, State.RUNNING, State.PAUSED)

    kind = models.CharField(max_length=15, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    stage = models.CharField(max_length=20, blank=True, help_text="The current stage.")
    encoder = models.CharField(
        max_length=300,
        blank=True,
        help_text="Encoder of a rebuild, or that a training starts from.",
    )
    publish = models.BooleanField(
        default=True, help_text="Publish the new generation if it passes its gates."
    )
    at_once = models.BooleanField(
        default=False,
        help_text="The new encoder encodes queries from the start, through an adapter.",
    )
    options = models.JSONField(default=dict, blank=True, help_text="Options of a training.")
    result = models.JSONField(
        default=dict, blank=True, help_text="What a training or an import brought."
    )
    generation = models.ForeignKey(Generation, null=True, blank=True, on_delete=models.SET_NULL)
    started_by = models.CharField(
        "started by",
        max_length=200,
        blank=True,
        help_text="A user name, a command or the schedule.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(state__in=["queued", "running", "paused"]),
                name="one_unfinished_run_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} ({self.state})"

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED


class Chunk(models.Model):
    """A part of a run that takes seconds. A worker claims it under a lease and renews the lease
    while it works. When the lease expires, the worker counts as dead and another worker may claim
    the chunk."""

    class State(models.TextChoices):
        PENDING = "pending"
        LEASED = "leased"
        DONE = "done"
        FAILED = "failed"

    run = models.ForeignKey(IndexingRun, on_delete=models.CASCADE, related_name="chunks")
    stage = models.CharField(max_length=20)
    ordinal = models.PositiveIntegerField()
    payload = models.JSONField(default=dict)
    size = models.PositiveIntegerField(help_text="Number of images or products.")
    done = models.PositiveIntegerField(
        default=0, help_text="Part of the size that is done, if the chunk takes minutes."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    errors = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["run_id", "stage", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["run", "stage", "ordinal"], name="chunk_once")
        ]
        indexes = [
            models.Index(
                fields=["run", "stage", "ordinal"],
                condition=Q(state__in=["pending", "leased"]),
                name="chunk_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.ordinal} of run {self.run_id}"

    @property
    def was_interrupted(self) -> bool:
        """Whether an earlier attempt did not finish. A photo may have killed its worker, so photos
        are then decoded in processes of their own."""
        return self.attempts > 1


class ImageFailure(models.Model):
    """The failed attempts to read an image, the last reason, and whether the image is quarantined.
    A record holds for one content: when the image changes, `content_hash` no longer matches and the
    image is tried again."""

    product_id = models.BigIntegerField()
    image_id = models.BigIntegerField()
    content_hash = models.CharField(max_length=HASH_LENGTH)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True)
    quarantined = models.BooleanField(default=False)
    since = models.DateTimeField(default=timezone.now, help_text="Time of the first failure.")
    last_at = models.DateTimeField("last failure", auto_now=True)

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(fields=["product_id", "image_id"], name="image_failure_once")
        ]
        indexes = [
            models.Index(
                fields=["product_id"], condition=Q(quarantined=True), name="image_quarantined"
            )
        ]

    def __str__(self) -> str:
        return f"image {self.image_id} of product {self.product_id}: {self.reason}"


class IndexEvaluation(models.Model):
    """The figures of a generation, measured before it was published or rejected."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="evaluations")
    queries = models.PositiveIntegerField()
    recall_at_20 = models.FloatField("recall@20", null=True)
    figures = models.JSONField(default=dict)
    passed = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"evaluation of {self.generation}"


class DriftReference(models.Model):
    """Vectors of when the match levels of a generation, or of its adapter, were calibrated."""

    class Kind(models.TextChoices):
        QUERIES = "queries"
        CATALOGUE = "catalogue"

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="+")
    adapter = models.ForeignKey(
        Adapter, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    taken_at = models.DateTimeField(default=timezone.now)
    vectors = models.BinaryField(help_text="float16, vectors × dimensions, in the index space.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "adapter", "kind"],
                nulls_distinct=False,
                name="drift_reference_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.generation}"


class DriftMeasurement(models.Model):
    """How far the vectors of a week are from those of a reference. `indexing/monitoring/drift`
    writes it."""

    reference = models.ForeignKey(
        DriftReference, on_delete=models.CASCADE, related_name="measurements"
    )
    at = models.DateTimeField(default=timezone.now)
    vectors = models.PositiveIntegerField(help_text="Number of vectors of the week.")
    distance = models.FloatField(help_text="Energy distance.")
    level = models.FloatField(help_text="The distance above which it is an alarm.")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.reference}: {self.ratio:.2f} of the alarm level"

    @property
    def ratio(self) -> float:
        """The distance in alarm levels: more than 1 is an alarm."""
        return self.distance / self.level if self.level > 0 else 0.0

    @property
    def is_alarm(self) -> bool:
        return self.ratio > 1
