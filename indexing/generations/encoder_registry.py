"""The registry of encoders: their names, sources, statuses and measured quality.

Others use `register_encoder`, `default_encoder`, `record_quality`, `update_statuses` and
`list_encoders`.
"""

from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from catalog.index.live_index import encoder_named, live_generation
from catalog.models import Embedding, EncoderVersion
from catalog.visual.model_source import source_of
from indexing.models import IndexingRun

UPDATE_STATUSES = """
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
"""The index encoder and the query encoder of the live generation are live. Encoders that were live
before are retired."""


def register_encoder(name: str) -> EncoderVersion:
    """Loads the encoder of that name and returns its row. Other weights under a known name get a
    row of their own. Raises EncoderError."""
    encoder = encoder_named(name)
    version, _ = EncoderVersion.objects.get_or_create(
        name=encoder.name,
        checksum=encoder.checksum,
        defaults={"dimensions": encoder.dimensions, "source": source_of(encoder.name)},
    )
    return version


def default_encoder() -> str:
    """Returns the name of the encoder that rebuilds use if none is given: ENCODER, or the live one
    if it was trained on this catalogue while ENCODER had its present value."""
    live = live_generation()
    if live is None:
        return settings.ENCODER
    trainings = IndexingRun.objects.filter(
        kind=IndexingRun.Kind.TRAINING,
        result__encoder=live.encoder.name,
        result__root=settings.ENCODER,
    )
    return live.encoder.name if trainings.exists() else settings.ENCODER


def record_quality(version: EncoderVersion, measured_on: str, figures: dict[str, Any]) -> None:
    """Stores the figures of an encoder. They replace its figures of the same `measured_on`."""
    with transaction.atomic():
        row = EncoderVersion.objects.select_for_update().get(pk=version.pk)
        row.quality = {**row.quality, measured_on: figures}
        row.save(update_fields=["quality"])


def update_statuses() -> None:
    """Updates the statuses of all encoders. Runs within the transaction that changes the live
    generation or its adapter."""
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_STATUSES)


def list_encoders() -> QuerySet[Any]:
    """Returns all encoders, newest first, annotated with their number of `embeddings`."""
    own = Embedding.objects.filter(encoder=OuterRef("pk")).order_by().values("encoder")
    number = Subquery(own.annotate(number=Count("*")).values("number"))
    return EncoderVersion.objects.annotate(embeddings=Coalesce(number, 0)).order_by("-pk")
