"""The JSON of the API's responses. The public contract fixes the names of the fields."""

from collections.abc import Mapping
from typing import Any

from django.utils.http import urlencode
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from catalog.models import Product
from catalog.product_cards import ProductCard, VariantCard, read_variant_cards
from search.answer import Result, SearchAnswer
from search.filters.declared import faceted_filters
from search.filters.kinds import ChoiceFilter


class NamedSerializer(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField(source="label")


class ScoredTagSerializer(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    score = serializers.FloatField()


class VariantSerializer(serializers.Serializer):
    """A variant of a product, in the product's currency."""

    sku = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    price = serializers.FloatField()
    in_stock = serializers.BooleanField()
    image = serializers.CharField(allow_null=True)
    url = serializers.CharField()


class ProductSerializer(serializers.Serializer):
    """A product in the language of the request."""

    id = serializers.IntegerField(source="pk")
    sku = serializers.CharField()
    title = serializers.CharField(source="label")
    category = NamedSerializer(allow_null=True)
    brand = serializers.CharField()
    price = serializers.FloatField()
    currency = serializers.CharField()
    in_stock = serializers.BooleanField()
    tags = NamedSerializer(many=True)
    image = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_image(self, product: Product | ProductCard) -> str | None:
        return absolute_url(product.photo_url, self.context)

    def get_url(self, product: Product | ProductCard) -> str:
        return product.url or absolute_url(f"/products/{product.pk}/", self.context) or ""


class ListedProductSerializer(ProductSerializer):
    variants = serializers.SerializerMethodField()

    @extend_schema_field(VariantSerializer(many=True))
    def get_variants(self, product: ProductCard) -> list[dict[str, Any]]:
        return [variant_json(variant, product, self.context) for variant in product.variants]


class ProductDetailSerializer(ProductSerializer):
    description = serializers.CharField()
    images = serializers.SerializerMethodField()
    variants = serializers.SerializerMethodField()
    attributes = serializers.JSONField(source="shown_attributes")
    created_at = serializers.DateTimeField()

    def get_images(self, product: Product) -> list[str]:
        return [absolute_url(url, self.context) or "" for url in product.photo_urls]

    @extend_schema_field(VariantSerializer(many=True))
    def get_variants(self, product: Product) -> list[dict[str, Any]]:
        variants = read_variant_cards([product.pk]).get(product.pk, [])
        return [variant_json(variant, product, self.context) for variant in variants]


class ProductListSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    next_offset = serializers.IntegerField(allow_null=True)
    results = ListedProductSerializer(many=True)


class ObjectSerializer(serializers.Serializer):
    """An object in the photo. To search for it alone, send its `box` (x, y, w, h, each 0 to 1) with
    the query's id."""

    box = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    score = serializers.FloatField()


class QuerySerializer(serializers.Serializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(["photo", "text", "product", "mixed"])
    box = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    objects = ObjectSerializer(many=True)
    blank = serializers.BooleanField(help_text="Whether the photo shows nothing.")
    corrected = serializers.CharField(
        allow_null=True,
        help_text="The words that were searched for instead of mistyped ones; null if none were.",
    )
    fits_words = serializers.BooleanField(
        help_text="False if nothing fits both the photo and the words. Then the results fit the"
        " photo alone."
    )


class GenerationSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    encoder = serializers.CharField()
    published_at = serializers.DateTimeField()


class TimingsSerializer(serializers.Serializer):
    decode = serializers.FloatField()
    embed = serializers.FloatField()
    retrieve = serializers.FloatField()
    rank = serializers.FloatField()
    total = serializers.FloatField()


class FacetValueSerializer(serializers.Serializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the contract's name hides Field.label
    count = serializers.IntegerField()


@extend_schema_serializer(component_name="PriceFacet")
class RangeFacetSerializer(serializers.Serializer):
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)


class FacetsSerializer(serializers.Serializer):
    def get_fields(self) -> dict[str, serializers.Field]:
        return {
            declared.name: FacetValueSerializer(many=True)
            if isinstance(declared, ChoiceFilter)
            else RangeFacetSerializer()
            for declared in faceted_filters()
        }


class BecauseSerializer(serializers.Serializer):
    """Why a product is recommended, for programs and for people."""

    kind = serializers.ChoiceField(["taste", "looks", "popular", "new"])
    product = serializers.IntegerField(
        source="product.pk",
        allow_null=True,
        default=None,
        help_text="The product of the history that speaks for it.",
    )
    text = serializers.CharField()


class ResultSerializer(serializers.Serializer):
    product = ProductSerializer()
    variant = serializers.SerializerMethodField(
        help_text="The variant that passes the filters and looks most like the photo; null for a"
        " product without variants."
    )
    score = serializers.FloatField()
    match = serializers.ChoiceField(["exact", "similar", "weak"])
    duplicates = serializers.IntegerField()
    because = BecauseSerializer(
        required=False, help_text="Why it is recommended. Absent in searches."
    )
    explanation = serializers.DictField(child=serializers.FloatField(), required=False)
    object = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="The index, from 0, of the object in `query.objects` that the product matches;"
        " null if it matches the photo as a whole. Absent if no objects were searched for.",
    )

    @extend_schema_field(VariantSerializer(allow_null=True))
    def get_variant(self, result: Result) -> dict[str, Any] | None:
        if result.variant is None:
            return None
        return variant_json(result.variant, result.product, self.context)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        result = super().to_representation(instance)
        if result.get("explanation") is None:
            result.pop("explanation", None)
        if result.get("because") is None:
            result.pop("because", None)
        if result["object"] is None and not instance.whole_photo:
            result.pop("object")
        return result


class SearchAnswerSerializer(serializers.Serializer):
    query = QuerySerializer()
    generation = GenerationSerializer()
    complete = serializers.BooleanField()
    calibrated = serializers.BooleanField(
        help_text="False if it is not known how reliable `match` is: the catalogue has too few"
        " products with several photos, an older version built the index, or the search is by words"
        " alone. Then no result is `exact`."
    )
    timings_ms = TimingsSerializer()
    tags = ScoredTagSerializer(many=True)
    facets = FacetsSerializer()
    count = serializers.IntegerField(help_text="The number of results on this page.")
    total = serializers.IntegerField(
        allow_null=True,
        help_text="The number of results on all pages, with the near-duplicates that are hidden"
        " behind them; null if it is not known.",
    )
    next_offset = serializers.IntegerField(allow_null=True)
    results = ResultSerializer(many=True)


class SuggestionsSerializer(serializers.Serializer):
    suggestions = serializers.ListField(child=serializers.CharField())


def variant_json(
    variant: VariantCard, product: Product | ProductCard, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the JSON of a variant. Without a page of its own in the shop, its address is that of
    the product."""
    page = f"/products/{product.pk}/?{urlencode({'variant': variant.sku})}"
    return {
        "sku": variant.sku,
        "options": variant.options,
        "price": float(variant.price),
        "in_stock": variant.in_stock,
        "image": absolute_url(variant.photo_url or product.photo_url, context),
        "url": variant.url or product.url or absolute_url(page, context),
    }


def absolute_url(path: str | None, context: Mapping[str, Any]) -> str | None:
    """Returns a path as a URL with the host of the request."""
    request = context.get("request")
    return request.build_absolute_uri(path) if request and path else path


def answer_json(answer: SearchAnswer, context: dict[str, Any]) -> dict[str, Any]:
    """Returns a search answer as the JSON of the public contract."""
    shape = {
        "query": {
            "id": answer.query_id,
            "kind": answer.kind,
            "box": list(answer.box) if answer.box else None,
            "objects": [
                {"box": [round(edge, 4) for edge in item.box], "score": round(item.confidence, 4)}
                for item in answer.objects
            ],
            "blank": answer.is_blank,
            "corrected": answer.corrected or None,
            "fits_words": answer.fits_words,
        },
        "generation": {
            "id": answer.generation.pk,
            "encoder": answer.generation.encoder.name,
            "published_at": answer.generation.published_at,
        },
        "complete": answer.complete,
        "calibrated": answer.calibrated,
        "timings_ms": answer.timings_ms,
        "tags": [
            {"slug": tag.slug, "name": tag.label, "score": round(score, 4)}
            for tag, score in answer.tags
        ],
        "facets": answer.facets,
        "count": len(answer.results),
        "total": answer.total,
        "next_offset": answer.next_offset,
        "results": answer.results,
    }
    return SearchAnswerSerializer(shape, context=context).data
