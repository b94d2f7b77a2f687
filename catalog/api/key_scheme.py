"""Keys in the OpenAPI schema. Calls that are open to everybody name no key."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from catalog.console.rights import may


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "catalog.api.base_view.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key with the scope that the call names.",
        }

    def get_security_requirement(self, auto_schema: Any) -> Any:
        scopes = auto_schema.view.needed_scopes(auto_schema.method)
        is_open = any(may(None, scope) for scope in scopes)
        return None if is_open else {self.name: []}
