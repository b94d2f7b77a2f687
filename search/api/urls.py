"""The URLs of the search API."""

from django.urls import path, register_converter

from search.api import views
from search.api.events import EventsView


class RowIdConverter:
    """A database id of at most 18 digits, which fit in 63 bits."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(RowIdConverter, "rowid")

app_name = "api"
urlpatterns = [
    path("search/photo/", views.PhotoSearchView.as_view(), name="search-photo"),
    path("search/text/", views.TextSearchView.as_view(), name="search-text"),
    path("events/", EventsView.as_view(), name="events"),
    path("products/", views.ProductListView.as_view(), name="products"),
    path("products/<rowid:pk>/", views.ProductDetailView.as_view(), name="product"),
    path("products/<rowid:pk>/similar/", views.SimilarProductsView.as_view(), name="similar"),
]
