"""Addresses of the pages."""

app_name = "search"
urlpatterns: list = []
