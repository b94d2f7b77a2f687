"""The fields of the index status, for the OpenAPI schema."""

from rest_framework import serializers


class StatusMatchSerializer(serializers.Serializer):
    """The thresholds of the match margin for exact and similar results, and their figures, measured
    on held-out photos. The match margin tells how far a result stands out from the others near the
    query."""

    exact = serializers.FloatField(
        allow_null=True,
        help_text="Lowest margin of an exact result. Null: no result is called exact.",
    )
    something = serializers.FloatField(
        help_text="Lowest margin of the first result. Below it, all results are weak."
    )
    similar = serializers.FloatField(help_text="Lowest margin of a similar result.")
    photos = serializers.IntegerField(help_text="Number of labelled photos.")
    covered = serializers.FloatField(
        allow_null=True, help_text="Share of these photos whose first result is called exact."
    )
    right = serializers.FloatField(
        allow_null=True, help_text="Share of these exact results that are the right product."
    )
    nothing = serializers.IntegerField(
        help_text="Number of photos that show no product of the catalogue."
    )
    weak = serializers.FloatField(
        allow_null=True, help_text="Share of these photos that have only weak results."
    )
    blank = serializers.FloatField(
        help_text="A photo with this cosine with a blank photo, or more, counts as blank. No result"
        " for it is exact."
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
