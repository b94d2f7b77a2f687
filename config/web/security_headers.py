"""Headers that tell browsers what a page may do."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# The pages' scripts and styles are files; photos are shown from `blob:` before they are sent.
SHOP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# unfold's pages carry styles and Alpine expressions, which Alpine evaluates.
ADMIN = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
# Swagger UI carries styles, and icons as data.
API_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# "Take a photo" opens the camera's own application, which needs no permission of the page.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.setdefault("Content-Security-Policy", _policy(request.path))
        response.setdefault("Permissions-Policy", PERMISSIONS)
        return response


def _policy(path: str) -> str:
    if path.startswith("/admin/"):
        return ADMIN
    return API_PAGES if path.startswith("/api/docs/") else SHOP
