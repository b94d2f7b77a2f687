"""The views of the REST API. Each parses its request, calls one function and renders the result."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView, CallThrottle
from catalog.api.call_limits import Sender
from catalog.api.editing.views import PriceChanges, ProductDeletion
from catalog.api.idempotent_calls import answer_once
from catalog.api.parsers import StrictJSONParser
from catalog.api.problems import problem_responses
from catalog.models import Scope
from search.api import schema_examples as examples
from search.api.event_serializers import (
    DeletedEventsSerializer,
    EventCountsSerializer,
    EventsSerializer,
    SenderParameters,
)
from search.api.parameters import (
    FilterParameters,
    NoParameters,
    PhotoParameters,
    SearchParameters,
    SuggestionParameters,
    TextParameters,
    parse,
)
from search.api.senders import channel_of, check_sender, declines_history
from search.api.serializers import (
    ProductDetailSerializer,
    ProductListSerializer,
    SearchAnswerSerializer,
    SuggestionsSerializer,
    answer_json,
)
from search.api.throttles import EventsThrottle
from search.events.recording import EventCounts, forget_sender, record_events
from search.events.search_log import logged_search
from search.query.suggestions import suggest
from search.request import SearchRequest
from search.retrieval.products import list_products, visible_product

ANSWER: dict[Any, Any] = {
    200: SearchAnswerSerializer,
    **problem_responses("not_found", "index_not_ready"),
}
PHOTO_ANSWER = ANSWER | problem_responses(
    *("image_missing", "image_unreadable", "image_type_unsupported", "image_too_large"),
    *("image_too_many_pixels", "box_invalid", "not_found", "index_not_ready"),
    body=True,
)


class SearchView(ApiView):
    """The base class of the three searches. No two answers are alike: each has an id of its own."""

    scopes = (Scope.SEARCH,)
    is_conditional = False

    def answer(self, request: Request, search_request: SearchRequest) -> Response:
        answer = logged_search(search_request, request.META["REMOTE_ADDR"])
        response = Response(answer_json(answer, {"request": request}))
        response["Server-Timing"] = answer.server_timing
        return response


class PhotoSearchView(SearchView):
    parser_classes = [MultiPartParser, FormParser]

    @extend_schema(
        operation_id="search_photo",
        request={"multipart/form-data": PhotoParameters},
        responses=PHOTO_ANSWER,
        examples=[examples.PHOTO_ANSWER],
    )
    def post(self, request: Request) -> Response:
        """Products that look like a photo, or like the part of it in `box`. The search adds `text`
        to the photo and moves away from `less_text` and `less_product`."""
        parameters = parse(PhotoParameters, request.POST, request.FILES)
        return self.answer(request, parameters.search_request())


class TextSearchView(SearchView):
    @extend_schema(
        operation_id="search_text",
        parameters=[TextParameters],
        responses=ANSWER,
        examples=[examples.TEXT_ANSWER],
    )
    def get(self, request: Request) -> Response:
        """Products that look as the words describe, or whose text contains the words."""
        parameters = parse(TextParameters, request.query_params)
        return self.answer(request, parameters.search_request())


class SuggestionsView(ApiView):
    scopes = (Scope.SEARCH,)
    sender = Sender.SUGGESTED_ADDRESS

    def calls_per_address(self) -> int:
        return int(settings.SUGGESTIONS_PER_MINUTE)

    @extend_schema(
        operation_id="search_suggestions",
        parameters=[SuggestionParameters],
        responses={200: SuggestionsSerializer, **problem_responses()},
        examples=[examples.SUGGESTIONS],
    )
    def get(self, request: Request) -> Response:
        """What the words of a search may become: names of categories, tags and products, while a
        shopper types. An address may ask a limited number of times a minute; above it, the answer
        is 429 `throttled`."""
        parameters = parse(SuggestionParameters, request.query_params)
        found = suggest(parameters.validated_data["q"])
        response = Response(SuggestionsSerializer({"suggestions": found}).data)
        kept_by = "public" if settings.SEARCH_OPEN else "private"
        response["Cache-Control"] = f"{kept_by}, max-age=300"
        return response


class SimilarProductsView(SearchView):
    @extend_schema(
        operation_id="products_similar",
        parameters=[SearchParameters],
        responses=ANSWER,
        examples=[examples.SIMILAR_ANSWER],
    )
    def get(self, request: Request, pk: int) -> Response:
        """Products that look like a product."""
        visible_product(pk)
        parameters = parse(SearchParameters, request.query_params)
        return self.answer(request, parameters.search_request(product_id=pk))


class ProductListView(PriceChanges):
    scopes = (Scope.SEARCH,)

    @extend_schema(
        operation_id="products_list",
        parameters=[FilterParameters],
        responses={200: ProductListSerializer, **problem_responses()},
        examples=[examples.PRODUCT_LIST],
    )
    def get(self, request: Request) -> Response:
        """The products of the catalogue, filtered and sorted."""
        parameters = parse(FilterParameters, request.query_params)
        data = parameters.validated_data
        page = list_products(parameters.filters(), data["sort"], data["limit"], data["offset"])
        return Response(ProductListSerializer(page, context={"request": request}).data)


class ProductDetailView(ProductDeletion):
    scopes = (Scope.SEARCH,)

    @extend_schema(
        operation_id="products_retrieve",
        responses={200: ProductDetailSerializer, **problem_responses("not_found")},
        examples=[examples.PRODUCT_DETAIL],
    )
    def get(self, request: Request, pk: int) -> Response:
        """One product."""
        parse(NoParameters, request.query_params)
        product: Any = visible_product(pk)
        return Response(ProductDetailSerializer(product, context={"request": request}).data)


class EventsView(ApiView):
    scopes = (Scope.EVENTS,)
    is_repeatable = True
    parser_classes = [StrictJSONParser]
    throttle_classes = [CallThrottle, EventsThrottle]

    @extend_schema(
        operation_id="events_create",
        request=EventsSerializer,
        responses={202: EventCountsSerializer, **problem_responses(body=True, repeatable=True)},
        examples=[examples.EVENTS, examples.EVENT_COUNTS],
    )
    def post(self, request: Request) -> Response:
        """Records up to 500 events, or none if one of them is invalid. The body may also be only
        the list of events. Events whose product is not in the catalogue are counted as `unknown`.
        An event with the same `at` and the same other values as a stored one is counted as
        `repeated` and stored once. Events of a browser that sends `Sec-GPC: 1` or `DNT: 1` are not
        stored. An address and a session may send a limited number of events a minute. A call above
        the limit is answered 429 `throttled`, and none of its events is recorded."""
        serializer = EventsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        events, address = serializer.validated_data["events"], request.META["REMOTE_ADDR"]

        def answer() -> Response:
            if declines_history(request):
                counts = EventCounts(accepted=0, unknown=0, declined=len(events))
            else:
                counts = record_events(events, address, channel_of(request))
            return Response(EventCountsSerializer(counts).data, status=202)

        return answer_once(request, answer)

    @extend_schema(
        operation_id="events_destroy",
        parameters=[SenderParameters],
        responses={200: DeletedEventsSerializer, **problem_responses("permission_denied")},
        examples=[examples.DELETED_EVENTS],
    )
    def delete(self, request: Request) -> Response:
        """Deletes all events of a `user` (with a secret key) or of a `session`. The next training
        of recommendations knows nothing of them."""
        sender = parse(SenderParameters, request.query_params).validated_data
        check_sender(request, Scope.EVENTS, **sender)
        return Response(DeletedEventsSerializer({"deleted": forget_sender(**sender)}).data)
