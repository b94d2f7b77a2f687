"""Encoders, their embeddings of product photos, the projections to the indexed space, and the
adapters between encoders."""

from django.db import models
from pgvector.django import HalfVectorField

from catalog.models.product import HASH_LENGTH
from catalog.visual.adapter import KINDS


class EncoderVersion(models.Model):
    """An encoder in the registry. Other weights under the same name are another version.
    `indexing/generations/encoder_registry.py` writes the rows."""

    class Status(models.TextChoices):
        REGISTERED = "registered"
        LIVE = "live"
        RETIRED = "retired"

    name = models.CharField(max_length=300)
    source = models.CharField(
        max_length=1000, blank=True, help_text="Folder or model hub it was loaded from."
    )
    checksum = models.CharField(max_length=64, help_text="SHA-256 of weights and configuration.")
    dimensions = models.PositiveIntegerField()
    status = models.CharField(
        max_length=10,
        choices=Status.choices,
        default=Status.REGISTERED,
        help_text="Live: encodes the photos or the queries of the live index. Retired: was live.",
    )
    quality = models.JSONField(
        default=dict, blank=True, help_text="Measured figures, by set of photos."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "checksum"], name="encoder_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.checksum[:8]})"


class Embedding(models.Model):
    """The embedding of a product image by an encoder: unit length, half precision. Every generation
    of the encoder shares it. `source_hash` is the hash of the content it was made from."""

    pk = models.CompositePrimaryKey("encoder_id", "product_id", "image_id")
    encoder = models.ForeignKey(EncoderVersion, on_delete=models.CASCADE, db_index=False)
    product_id = models.BigIntegerField()
    image_id = models.BigIntegerField()
    source_hash = models.CharField(max_length=HASH_LENGTH)
    vector = HalfVectorField()
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["encoder", "source_hash"], name="embedding_content")]

    def __str__(self) -> str:
        return f"image {self.image_id} by encoder {self.encoder_id}"


class Projection(models.Model):
    """A linear map from an encoder's space to the space of fewer dimensions that the graph index
    searches."""

    encoder = models.ForeignKey(EncoderVersion, on_delete=models.CASCADE)
    dimensions = models.PositiveIntegerField()
    matrix = models.BinaryField(help_text="float32, row major, dimensions × encoder dimensions.")
    checksum = models.CharField(max_length=64)
    sample = models.PositiveIntegerField(help_text="Number of embeddings it was fitted on.")
    explained = models.FloatField(help_text="Share of the sample's energy it keeps, 0 to 1.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.encoder} → {self.dimensions}"


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
