"""The console's "Try a query" makes few statements for real photos too: those in which objects are
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

from catalog.models import ProductImage
from tests.search.conftest import DemoPhoto
from tests.support.committed import run_committed

MAX_STATEMENTS = 15


@pytest.fixture
def try_photo(settings: Any) -> Callable[[bytes], tuple[Any, list[str]]]:
    """Returns a function that sends a photo to the page. It returns the steps that the page shows,
    and all statements, those that begin and end transactions included: therefore outside the
    test's own transaction."""
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}

    def send(data: bytes) -> tuple[Any, list[str]]:
        user = User.objects.create_superuser("operator")
        client = Client()
        client.force_login(user)
        photo = SimpleUploadedFile("query.jpg", data, "image/jpeg")
        try:
            with CaptureQueriesContext(connection) as captured:
                response = client.post(reverse("admin:try_query"), {"photo": photo})
            return response.context["steps"], [query["sql"] for query in captured]
        finally:
            client.logout()
            user.delete()

    return lambda data: run_committed(lambda: send(data))


@pytest.mark.django_db
def test_a_photo_of_objects_makes_few_statements(
    demo_index: None, photos: dict[str, DemoPhoto], try_photo: Callable[[bytes], Any]
) -> None:
    steps, statements = try_photo(photos["scopia-living-lamp-2"].data)

    assert len(steps.objects) > 1
    assert [target for target, *_ in steps.targets] != [""]
    assert steps.generation.calibration.same_photo_cosine is not None  # so it was compared
    assert len(statements) <= MAX_STATEMENTS


@pytest.mark.django_db
def test_a_photo_of_the_catalogue_makes_few_statements(
    demo_index: None, try_photo: Callable[[bytes], Any]
) -> None:
    image = ProductImage.objects.order_by("pk")[100]

    steps, statements = try_photo(Path(image.file.path).read_bytes())

    assert steps.objects
    assert [target for target, *_ in steps.targets] == [""]  # the whole photo
    assert [steps.before[0].card.pk, steps.after[0].card.pk] == [image.product_id] * 2
    assert len(statements) <= MAX_STATEMENTS
