"""The JSON of the index status, of runs, generations and sources."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.importing.formats.opening import FORMATS
from catalog.models import Generation, Webhook
from catalog.models.image_address import MAX_ADDRESS_LENGTH
from indexing.models import IndexingRun


class StatusMatchSerializer(serializers.Serializer):
    """The thresholds of the match levels, and their figures, measured on held-out photos.
    `catalog/index/match.py` explains resemblance and match margin."""

    similar_resemblance = serializers.FloatField(
        allow_null=True, help_text="Lowest resemblance of a similar result. Null: not calibrated."
    )
    exact_margin = serializers.FloatField(
        allow_null=True,
        help_text="Lowest match margin of an exact result. Null: no result is called exact.",
    )
    exact_cosine = serializers.FloatField(
        allow_null=True, help_text="Lowest cosine of an exact result, besides its margin."
    )
    same_photo_cosine = serializers.FloatField(
        allow_null=True,
        help_text="A result with this cosine, or more, shows the same photo. It is exact.",
    )
    blank_cosine = serializers.FloatField(
        help_text="A photo with this cosine with a blank photo, or more, counts as blank. No result"
        " for it is exact."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # hides Field.source
        allow_blank=True,
        help_text="The photos that calibrated exact: labelled photos, or views of the catalogue."
        " Empty: not calibrated.",
    )
    queries = serializers.IntegerField(help_text="Number of these photos.")
    exact_share = serializers.FloatField(
        allow_null=True, help_text="Share of these photos whose first result is called exact."
    )
    exact_right = serializers.FloatField(
        allow_null=True, help_text="Share of these exact results that are the right product."
    )
    nothing_photos = serializers.IntegerField(
        help_text="Number of photos that show no product of the catalogue."
    )
    nothing_weak = serializers.FloatField(
        allow_null=True, help_text="Share of these photos that have only weak results."
    )


class StatusSelfTestSerializer(serializers.Serializer):
    """How well the index finds a product by one of its photos, with this photo held out."""

    kind = serializers.ChoiceField(
        choices=["views", "composed", "skipped"],
        help_text="`views`: by photos held out. `composed`: by photos composed from a photo of"
        " the product, which say less. `skipped`: there are too few products.",
    )
    queries = serializers.IntegerField(help_text="Number of photos, one of each product.")
    recall_at_1 = serializers.FloatField(
        allow_null=True, help_text="Share of the photos whose product is found first."
    )
    recall_at_5 = serializers.FloatField(
        allow_null=True, help_text="Share of the photos whose product is among the first five."
    )


class StatusGenerationSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    encoder = serializers.CharField()
    query_encoder = serializers.CharField()
    published_at = serializers.DateTimeField()
    recall_at_20 = serializers.FloatField(allow_null=True)
    images = serializers.IntegerField()
    products = serializers.IntegerField()
    self_test = StatusSelfTestSerializer(
        allow_null=True, help_text="Null: the generation was built before there was a self-test."
    )
    match = StatusMatchSerializer()


class StatusProductsSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    indexed = serializers.IntegerField()
    pending = serializers.IntegerField()
    failed = serializers.IntegerField()


class StatusPhotosSerializer(serializers.Serializer):
    """Photos that products name by web addresses, each address once."""

    waiting = serializers.IntegerField(help_text="Not tried yet.")
    fetched = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Failed, and tried again with growing pauses.")
    given_up = serializers.IntegerField(
        help_text="Not tried again until an import names the address or an operator asks for it."
    )
    due = serializers.IntegerField(help_text="To be fetched now.")
    oldest_waiting_s = serializers.FloatField()


class StatusSourcesSerializer(serializers.Serializer):
    """Feeds that are pulled regularly."""

    total = serializers.IntegerField()
    failing = serializers.IntegerField(help_text="Whose last pull has failed.")
    waiting = serializers.IntegerField(help_text="Whose import waits for an operator.")
    failures_in_a_row = serializers.IntegerField(
        help_text="Of the source that has failed most often since its last success."
    )


class StatusFreshnessSerializer(serializers.Serializer):
    fresh = serializers.BooleanField()
    oldest_pending_s = serializers.FloatField()
    lag_p50_s = serializers.FloatField(allow_null=True)
    lag_p95_s = serializers.FloatField(allow_null=True)
    target_s = serializers.IntegerField()


class RunningSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    eta_s = serializers.FloatField(allow_null=True)


class LastRunSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class StatusRunsSerializer(serializers.Serializer):
    running = RunningSerializer(many=True)
    last = LastRunSerializer(allow_null=True)


class IndexStatusSerializer(serializers.Serializer):
    generation = StatusGenerationSerializer(allow_null=True)
    products = StatusProductsSerializer()
    photos = StatusPhotosSerializer()
    sources = StatusSourcesSerializer()
    freshness = StatusFreshnessSerializer()
    runs = StatusRunsSerializer()
    next_refresh_at = serializers.DateTimeField()


class RunSerializer(serializers.Serializer):
    """A run, and the progress of its present stage in images or products."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(IndexingRun.Kind.choices)
    state = serializers.ChoiceField(IndexingRun.State.choices)
    stage = serializers.CharField(allow_blank=True)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    eta_s = serializers.FloatField(allow_null=True)
    encoder = serializers.CharField(allow_blank=True)
    started_by = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    generation = serializers.IntegerField(
        allow_null=True, help_text="The id of the generation that a rebuild makes."
    )
    error = serializers.CharField(allow_null=True)


class RunListSerializer(serializers.Serializer):
    results = RunSerializer(many=True, help_text="The latest 50, the newest first.")


class NewRunSerializer(serializers.Serializer):
    kind = serializers.ChoiceField([IndexingRun.Kind.REFRESH, IndexingRun.Kind.REBUILD])
    encoder = serializers.CharField(
        max_length=300,
        required=False,
        default="",
        allow_blank=True,
        help_text="Of a rebuild. Empty: ENCODER, or what was trained from it.",
    )
    publish = serializers.BooleanField(
        default=True, help_text="Of a rebuild: publish the generation if it passes its gates."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] == IndexingRun.Kind.REFRESH and (attrs["encoder"] or not attrs["publish"]):
            raise serializers.ValidationError("A refresh takes neither encoder nor publish.")
        return attrs


class BuiltGenerationSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(Generation.State.choices)
    encoder = serializers.CharField()
    published_at = serializers.DateTimeField(allow_null=True)
    images = serializers.IntegerField()
    products = serializers.IntegerField()
    note = serializers.CharField(
        allow_blank=True,
        help_text="Why it was rejected, or what it finds less of than the generation before.",
    )


class GenerationListSerializer(serializers.Serializer):
    results = BuiltGenerationSerializer(many=True, help_text="The latest 50, the newest first.")


@extend_schema_field({"type": "string", "pattern": "^([A-Z]{3})?$", "default": ""})
class CurrencyField(serializers.Field):
    """Three capital letters, or nothing."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not re.fullmatch("([A-Z]{3})?", data):
            raise serializers.ValidationError("Write a three-letter code such as EUR.")
        return data

    def to_representation(self, value: Any) -> str:
        return str(value)


class SourceSerializer(serializers.Serializer):
    """A feed that is pulled regularly."""

    id = serializers.IntegerField(source="pk", read_only=True)
    name = serializers.CharField(max_length=100)
    address = serializers.CharField(max_length=MAX_ADDRESS_LENGTH)
    format = serializers.ChoiceField(["", *FORMATS], default="", allow_blank=True)
    currency = CurrencyField(default="")
    is_full = serializers.BooleanField(default=True)
    cron = serializers.CharField(max_length=100, default="", allow_blank=True)
    enabled = serializers.BooleanField(read_only=True)
    next_at = serializers.DateTimeField(read_only=True, allow_null=True)
    pulled_at = serializers.DateTimeField(read_only=True, allow_null=True)
    result = serializers.CharField(read_only=True, allow_blank=True)
    error = serializers.CharField(read_only=True, allow_blank=True)


class SourceListSerializer(serializers.Serializer):
    results = SourceSerializer(many=True)


class SentenceSerializer(serializers.Serializer):
    detail = serializers.CharField(help_text="What happens now.")


class NewWebhookSerializer(serializers.Serializer):
    url = serializers.CharField(max_length=2000)
    events = serializers.ListField(
        child=serializers.ChoiceField(Webhook.Event.choices), min_length=1, max_length=10
    )


class DeliverySerializer(serializers.Serializer):
    id = serializers.IntegerField()
    event = serializers.CharField()
    about = serializers.CharField(help_text="Such as run 17.")
    attempts = serializers.IntegerField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    next_at = serializers.DateTimeField(allow_null=True, help_text="The next attempt.")
    error = serializers.CharField(allow_blank=True)


class WebhookSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField(help_text="A disabled webhook is told nothing.")
    created_at = serializers.DateTimeField()
    deliveries = DeliverySerializer(many=True, help_text="The latest, the newest first.")


class WebhookSecretSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="Signs what is sent. Shown once.")


class WebhookListSerializer(serializers.Serializer):
    results = WebhookSerializer(many=True)
