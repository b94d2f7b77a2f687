"""The URLs of the search API."""

from django.urls import path

import catalog.api.url_converters  # noqa: F401  (registers `rowid`)
from search.api import views
from search.api.recommendation_views import RecommendationsView

app_name = "api"
urlpatterns = [
    path("search/photo/", views.PhotoSearchView.as_view(), name="search-photo"),
    path("search/text/", views.TextSearchView.as_view(), name="search-text"),
    path("search/suggestions/", views.SuggestionsView.as_view(), name="suggestions"),
    path("recommendations/", RecommendationsView.as_view(), name="recommendations"),
    path("events/", views.EventsView.as_view(), name="events"),
    path("products/", views.ProductListView.as_view(), name="products"),
    path("products/<rowid:pk>/", views.ProductDetailView.as_view(), name="product"),
    path("products/<rowid:pk>/similar/", views.SimilarProductsView.as_view(), name="similar"),
]
