"""The URLs of the pages."""

from django.urls import path
from django.views.i18n import set_language

import catalog.api.url_converters  # noqa: F401  (registers `rowid`)
from search.page import views
from search.page.closing import open_while_search_is as shown

app_name = "search"
urlpatterns = [
    path("", shown(views.home), name="home"),
    path("for-you/", shown(views.for_you), name="for-you"),
    path("search/", shown(views.results), name="results"),
    path("search/photos/<slug:query>.jpg", shown(views.photo), name="photo"),
    path("search/photos/<slug:query>/<rowid:number>.jpg", shown(views.photo), name="another-photo"),
    path("products/<rowid:pk>/", shown(views.product), name="product"),
    path("examples/<str:name>", shown(views.example), name="example"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("language/", set_language, name="language"),
]
