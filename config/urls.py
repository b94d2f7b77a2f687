"""All URLs of the site."""

from django.contrib import admin
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page
from django.views.static import serve
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from catalog.api.conditional_answers import answer_if_changed, etag_of, has_already
from indexing.api import views as index
from search.api import problem_details
from search.serving.sized_photos import WIDTHS, sized_photo
from search.serving.stored_photos import stored_photo


def serve_media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serves a photo of a product: the stored file, or with the parameter `w` a copy of that width,
    as WebP if the client takes it and else as JPEG. A photo that cannot be decoded now is served as
    it is stored. Paths that no file can have get 404 too."""
    width = request.GET.get("w", "")
    if width and width not in map(str, WIDTHS):
        sentence = f"w must be one of {', '.join(map(str, WIDTHS))}."
        return HttpResponse(sentence, status=400, content_type="text/plain")
    try:
        sized = _serve_sized(request, path, int(width)) if width else None
        response = sized or _serve_stored(request, path)
    except (OSError, ValueError, SuspiciousFileOperation) as error:
        raise Http404(path) from error
    if sized or not width:
        # Photos are stored under the hash of their content, so a copy never becomes outdated.
        patch_cache_control(response, public=True, max_age=31_536_000, immutable=True)
    return response


def _serve_stored(request: HttpRequest, path: str) -> HttpResponseBase:
    file = stored_photo(path)
    status = file.stat()
    etag = etag_of(f"{status.st_mtime_ns} {status.st_size}".encode())
    is_known = has_already(request, etag) and file.is_file()
    response = (
        HttpResponseNotModified()
        if is_known
        else serve(request, file.name, document_root=str(file.parent))
    )
    response.headers["ETag"] = etag
    return response


def _serve_sized(request: HttpRequest, path: str, width: int) -> HttpResponse | None:
    file = stored_photo(path)
    kind = "image/webp" if "image/webp" in request.headers.get("Accept", "") else "image/jpeg"
    photo = sized_photo(file, width, kind) if file.is_file() else None
    if photo is None:
        return None
    response = HttpResponse(photo, content_type=kind)
    patch_vary_headers(response, ["Accept"])
    return answer_if_changed(request, response)


urlpatterns = [
    path("livez", index.livez),
    path("readyz", index.readyz),
    path("metrics", index.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/", include("catalog.api.editing.urls")),
    path("api/v1/", include("search.api.urls")),
    path("api/v1/", include("indexing.api.urls")),
    path(
        "api/v1/schema/", gzip_page(conditional_page(SpectacularAPIView.as_view())), name="schema"
    ),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema")),
    re_path(r"^api/", problem_details.not_found),
    re_path(r"^media/(?P<path>.*)$", serve_media),
    path("", include("search.page.urls")),
]
