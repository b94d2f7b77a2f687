"""The URLs of the pages."""

from django.urls import path
from django.views.i18n import set_language

import search.api.url_converters  # noqa: F401  (registers `rowid`)
from search.page import views

app_name = "search"
urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.results, name="results"),
    path("search/photos/<slug:query>.jpg", views.photo, name="photo"),
    path("search/photos/<slug:query>/<rowid:number>.jpg", views.photo, name="another-photo"),
    path("products/<rowid:pk>/", views.product, name="product"),
    path("examples/<str:name>", views.example, name="example"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("language/", set_language, name="language"),
]
