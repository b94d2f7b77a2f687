"""The searches of operators make few statements for real photos too: those in which objects are
found, and those that the catalogue has itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Product, ProductImage
from tests.search.conftest import DemoPhoto
from tests.support.committed import run_committed

MAX_STATEMENTS = 15


@pytest.fixture
def send_photo(settings: Any) -> Callable[..., tuple[Any, list[str]]]:
    """Returns a function that sends a photo to a page of the console. It returns the context of the
    page, and all statements, those that begin and end transactions included: therefore outside
    the test's own transaction."""
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}

    def send(data: bytes, address: str) -> tuple[Any, list[str]]:
        user = User.objects.create_superuser("operator")
        client = Client()
        client.force_login(user)
        photo = SimpleUploadedFile("query.jpg", data, "image/jpeg")
        try:
            with CaptureQueriesContext(connection) as captured:
                response = client.post(address, {"photo": photo})
            return response.context, [query["sql"] for query in captured]
        finally:
            client.logout()
            user.delete()

    return lambda data, address: run_committed(lambda: send(data, address))


@pytest.mark.django_db
def test_a_photo_of_objects_makes_few_statements(
    demo_index: None, photos: dict[str, DemoPhoto], send_photo: Callable[..., Any]
) -> None:
    data = photos["scopia-living-lamp-2"].data
    context, statements = send_photo(data, reverse("admin:try_query"))
    steps = context["steps"]

    assert len(steps.objects) > 1
    assert [target for target, *_ in steps.targets] != [""]
    assert steps.generation.calibration.same_photo_cosine is not None  # so it was compared
    assert len(statements) <= MAX_STATEMENTS


@pytest.mark.django_db
def test_where_a_product_stands_for_a_photo_of_objects_makes_few_statements(
    demo_index: None, photos: dict[str, DemoPhoto], send_photo: Callable[..., Any]
) -> None:
    asked = photos["scopia-living-lamp-2"]
    product = Product.objects.get(sku=asked.sku)

    address = reverse("admin:where_it_stands", args=[product.pk])
    context, statements = send_photo(asked.data, address)

    assert context["standing"].place is not None
    assert len(statements) <= MAX_STATEMENTS


@pytest.mark.django_db
def test_a_photo_of_the_catalogue_makes_few_statements(
    demo_index: None, send_photo: Callable[..., Any]
) -> None:
    image = ProductImage.objects.order_by("pk")[100]

    data = Path(image.file.path).read_bytes()
    context, statements = send_photo(data, reverse("admin:try_query"))
    steps = context["steps"]

    assert steps.objects
    assert [target for target, *_ in steps.targets] == [""]  # the whole photo
    assert [steps.before[0].card.pk, steps.after[0].card.pk] == [image.product_id] * 2
    assert len(statements) <= MAX_STATEMENTS
