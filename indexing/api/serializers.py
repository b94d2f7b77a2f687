"""The index status, field by field as the public contract names them (for the OpenAPI schema)."""

from rest_framework import serializers


class StatusMatchSerializer(serializers.Serializer):
    """From how far above the others near a query a result is called exact and similar, and what was
    measured of that on photos held out."""

    exact = serializers.FloatField(allow_null=True)
    something = serializers.FloatField()
    similar = serializers.FloatField()
    photos = serializers.IntegerField(help_text="Labelled photos.")
    covered = serializers.FloatField(
        allow_null=True, help_text="Share of them whose first result is called exact."
    )
    right = serializers.FloatField(allow_null=True, help_text="Share of those that are right.")
    nothing = serializers.IntegerField(help_text="Photos of nothing in the catalogue.")
    weak = serializers.FloatField(
        allow_null=True, help_text="Share of them with only weak results."
    )
    blank = serializers.FloatField(
        help_text="Cosine with a blank photo from which on a photo is never exact."
    )


class StatusGenerationSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    encoder = serializers.CharField()
    query_encoder = serializers.CharField()
    published_at = serializers.DateTimeField()
    recall_at_20 = serializers.FloatField(allow_null=True)
    images = serializers.IntegerField()
    products = serializers.IntegerField()
    match = StatusMatchSerializer()


class StatusProductsSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    indexed = serializers.IntegerField()
    pending = serializers.IntegerField()
    failed = serializers.IntegerField()


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
    freshness = StatusFreshnessSerializer()
    runs = StatusRunsSerializer()
    next_refresh_at = serializers.DateTimeField()
