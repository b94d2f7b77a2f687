"""The registry of encoders: what each is, where it came from, and what it has been measured to
reach. Others use `register_encoder`, `note_quality`, `settle_statuses` and `registry`."""

from typing import Any

from django.db import connection, transaction
from django.db.models import Count, QuerySet

from catalog.index.live_index import encoder_named
from catalog.models import EncoderVersion
from catalog.visual.model_source import source_of

STATUSES = """
    WITH used AS (
        SELECT generation.encoder_id AS id FROM catalog_generation generation
        WHERE generation.state = 'live'
        UNION
        SELECT adapter.query_encoder_id FROM catalog_generation generation
        JOIN catalog_adapter adapter ON adapter.id = generation.query_adapter_id
        WHERE generation.state = 'live'
    )
    UPDATE catalog_encoderversion version
    SET status = CASE WHEN version.id IN (SELECT id FROM used) THEN 'live' ELSE 'retired' END
    WHERE (version.id IN (SELECT id FROM used)) <> (version.status = 'live')
"""
"""Live is what the live generation is made or asked by; what was live and is not is retired."""


def register_encoder(name: str) -> EncoderVersion:
    """The row of the encoder of that name as it is now; other weights under a known name become
    another row. Loads it. Raises EncoderError."""
    encoder = encoder_named(name)
    version, _ = EncoderVersion.objects.get_or_create(
        name=encoder.name,
        checksum=encoder.checksum,
        defaults={"dimensions": encoder.dimensions, "source": source_of(encoder.name)},
    )
    return version


def note_quality(version: EncoderVersion, measured_on: str, figures: dict[str, Any]) -> None:
    """Keeps the newest figures of an encoder, by what they were measured on."""
    with transaction.atomic():
        row = EncoderVersion.objects.select_for_update().get(pk=version.pk)
        row.quality = {**row.quality, measured_on: figures}
        row.save(update_fields=["quality"])


def settle_statuses() -> None:
    """Within the transaction that changes what is live, or what asks it."""
    with connection.cursor() as cursor:
        cursor.execute(STATUSES)


def registry() -> QuerySet[Any]:
    """All encoders, the newest first, each with its number of `embeddings`."""
    return EncoderVersion.objects.annotate(embeddings=Count("embedding__image_id")).order_by("-pk")
