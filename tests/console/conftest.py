"""Fixtures of the tests of the console: a small shop and a browser."""

from typing import Any

import pytest

from tests.indexing.conftest import (  # noqa: F401  (fixtures)
    committed_shop,
    empty_shop,
    encoder,
    encoders,
    offline_settings,
    receiver,
)
from tests.search.browser import page, served  # noqa: F401  (fixtures)


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
