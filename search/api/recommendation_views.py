"""The call for recommendations."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView
from catalog.api.problems import problem_responses
from catalog.models import Scope
from search.api import schema_examples as examples
from search.api.parameters import FilterParameters, parse
from search.api.senders import check_sender, declines_history, shopper_address
from search.api.serializers import SearchAnswerSerializer, answer_json
from search.recommendations.experiments import recommend_and_count


class RecommendationParameters(FilterParameters):
    """Filters, `limit`, and at most one of `user` and `session`."""

    user = serializers.CharField(max_length=100, default="", allow_blank=True)
    session = serializers.CharField(max_length=100, default="", allow_blank=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        return {name: fields[name] for name in fields if name not in ("sort", "offset")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["user"] and attrs["session"]:
            raise serializers.ValidationError("Give either user or session.")
        return attrs


class RecommendationsView(ApiView):
    scopes = (Scope.SEARCH,)
    is_conditional = False  # the next click changes the answer

    @extend_schema(
        operation_id="recommendations_list",
        parameters=[RecommendationParameters],
        responses={
            200: SearchAnswerSerializer,
            **problem_responses("permission_denied", "index_not_ready"),
        },
        examples=[examples.RECOMMENDATIONS],
    )
    def get(self, request: Request) -> Response:
        """Products for a `user` (with a secret key) or a `session`, by what they did up to now:
        what similar shoppers liked, what looks like the latest products, what is popular and new.
        Each has a reason in `because`. Without a user or session, and for browsers that send
        `Sec-GPC: 1` or `DNT: 1`, it is what is popular and new. Products out of stock, and those
        that the shopper has opened, bought or rejected, are left out."""
        parameters = parse(RecommendationParameters, request.query_params)
        data = parameters.validated_data
        sender = {name: data[name] for name in ("user", "session") if data[name]}
        if sender:
            check_sender(request, Scope.SEARCH, **sender)
        if declines_history(request):
            sender = {}
        answer = recommend_and_count(
            shopper_address(request), filters=parameters.filters(), limit=data["limit"], **sender
        )
        response = Response(answer_json(answer, {"request": request}))
        response["Server-Timing"] = answer.server_timing
        response["Cache-Control"] = "private, no-store"
        return response
