"""Headers that restrict what a page may do in the browser."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# All scripts and styles of the shop's pages are files. Pages show photos from `blob:` before they
# send them.
SHOP_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# unfold's pages have inline styles, and expressions that Alpine evaluates.
ADMIN_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
# Swagger UI has inline styles, and icons as data.
API_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# "Take a photo" opens the camera application, which needs no permission of the page.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)


class SecurityHeadersMiddleware:
    """Sets Content-Security-Policy and Permissions-Policy, unless a view has set them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.setdefault("Content-Security-Policy", _choose_policy(request.path))
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response


def _choose_policy(path: str) -> str:
    if path.startswith("/admin/"):
        return ADMIN_POLICY
    return API_DOCS_POLICY if path.startswith("/api/docs/") else SHOP_POLICY
