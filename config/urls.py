"""All URLs of the site."""

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from django.views.decorators.cache import cache_control
from django.views.static import serve
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from indexing.api import views as index
from search.api import problem_details


# Photos are stored under the hash of their content, so a copy never becomes outdated.
@cache_control(public=True, max_age=31_536_000, immutable=True)
def serve_media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serves a photo of a product. Paths that no file can have get 404 too."""
    try:
        return serve(request, path, document_root=str(settings.MEDIA_ROOT))
    except OSError as error:
        raise Http404(path) from error


urlpatterns = [
    path("livez", index.livez),
    path("readyz", index.readyz),
    path("metrics", index.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/", include("catalog.api.editing.urls")),
    path("api/v1/", include("search.api.urls")),
    path("api/v1/", include("indexing.api.urls")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema")),
    re_path(r"^api/", problem_details.not_found),
    re_path(r"^media/(?P<path>.*)$", serve_media),
    path("", include("search.page.urls")),
]
