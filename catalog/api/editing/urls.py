"""The URLs of calls that change the catalogue, besides those of products."""

from django.urls import path

from catalog.api.editing import views

urlpatterns = [path("products/import/", views.ProductImportView.as_view())]
