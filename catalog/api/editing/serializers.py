"""The JSON of calls that change the catalogue."""

from typing import Any

from rest_framework import serializers

from catalog.api.editing.item_results import MAX_ITEMS

ADDRESS = "https://photos.shop.example/a-100-front.jpg"


class ImportItemSerializer(serializers.Serializer):
    """A product, or a variant of one. The sku identifies it: a call creates or updates it. Other
    fields become attributes. For the schema only: `catalog/importing/records.py` checks items."""

    sku = serializers.CharField(max_length=200)
    title = serializers.CharField(max_length=500, required=False)
    title_ru = serializers.CharField(max_length=500, required=False)
    description = serializers.CharField(required=False)
    category = serializers.CharField(
        max_length=1000, required=False, help_text="The path from the root: Living room > Chairs."
    )
    category_ru = serializers.CharField(max_length=1000, required=False)
    brand = serializers.CharField(max_length=200, required=False)
    keywords = serializers.ListField(child=serializers.CharField(), required=False)
    price = serializers.FloatField(min_value=0, required=False)
    currency = serializers.CharField(max_length=3, required=False, help_text="EUR by default.")
    in_stock = serializers.BooleanField(required=False)
    is_visible = serializers.BooleanField(required=False)
    popularity = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    url = serializers.CharField(
        max_length=1000, required=False, help_text="The page of the product in the shop."
    )
    images = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Web addresses. The worker fetches them after the call.",
    )
    group = serializers.CharField(
        max_length=200, required=False, help_text="Items of one group are variants of one product."
    )
    options = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Of a variant, such as size: M."
    )


class ImportSerializer(serializers.Serializer):
    products = serializers.ListField(
        child=serializers.JSONField(allow_null=True), min_length=1, max_length=MAX_ITEMS
    )

    def to_internal_value(self, data: Any) -> Any:
        """Also accepts the list of products alone."""
        return super().to_internal_value({"products": data} if isinstance(data, list) else data)


class ProductImportSerializer(serializers.Serializer):
    """For the schema only."""

    products = serializers.ListField(
        child=ImportItemSerializer(), min_length=1, max_length=MAX_ITEMS
    )


class PriceChangeSerializer(serializers.Serializer):
    """A change of a product or a variant. What it leaves out stays. For the schema only."""

    sku = serializers.CharField(max_length=200)
    price = serializers.FloatField(min_value=0, required=False)
    in_stock = serializers.BooleanField(required=False)


class PriceChangesSerializer(serializers.Serializer):
    changes = serializers.ListField(
        child=serializers.JSONField(allow_null=True), min_length=1, max_length=MAX_ITEMS
    )


class ProductPricesSerializer(serializers.Serializer):
    """For the schema only."""

    changes = serializers.ListField(
        child=PriceChangeSerializer(), min_length=1, max_length=MAX_ITEMS
    )


class ItemResultSerializer(serializers.Serializer):
    index = serializers.IntegerField(help_text="The place of the item in the call, from 0.")
    sku = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(["created", "updated", "refused"])
    id = serializers.IntegerField(allow_null=True, help_text="Of the product.")
    error = serializers.CharField(allow_blank=True, help_text="Why the item is refused.")


class ItemResultsSerializer(serializers.Serializer):
    """One result for each item, in the order of the call."""

    written = serializers.IntegerField()
    refused = serializers.IntegerField()
    items = ItemResultSerializer(many=True)
