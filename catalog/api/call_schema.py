"""What all calls have in the OpenAPI schema besides what their views say: headers."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from catalog.api.idempotent_calls import HEADER, KEY_PATTERN

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="A new name of this call, such as a UUID. The same caller may repeat the call with"
    " it and the same body for 24 hours: it is done once, and answered alike.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of an earlier answer. If the answer is still the same, it is 304.",
)
ETAG = {"schema": {"type": "string"}, "description": "Changes with the answer."}


class CallSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        if self.method == "POST" and getattr(self.view, "is_repeatable", False):
            return [IDEMPOTENCY_KEY]
        return [IF_NONE_MATCH] if self._is_conditional() else []

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation and self._is_conditional():
            answers = operation["responses"]
            answers["200"]["headers"] = {"ETag": ETAG}
            answers["304"] = {"description": "Not modified: the client has this answer."}
            operation["responses"] = dict(sorted(answers.items()))
        return operation

    def _is_conditional(self) -> bool:
        return self.method == "GET" and getattr(self.view, "is_conditional", False)
