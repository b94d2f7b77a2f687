"""Requests and products that the tests of the pages share."""

from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog.models import Product

DEMO = Path(__file__).resolve().parents[3] / "catalog" / "demo"
CHAIR = DEMO / "photos" / "blends-antiquechair-0.jpg"
HTMX = {"HX-Request": "true"}


def chair_upload() -> SimpleUploadedFile:
    return SimpleUploadedFile("chair.jpg", CHAIR.read_bytes(), "image/jpeg")


def search_by_photo(client: Client, **data):
    return client.post("/search/", {"image": chair_upload(), **data}, headers=HTMX)


def product_of_the_chair() -> Product:
    return Product.objects.get(sku="blends-antiquechair")


def text_of(response) -> str:
    return response.content.decode()
