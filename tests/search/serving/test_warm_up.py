"""Searches that a web process makes before it serves shoppers."""

import gc
from pathlib import Path

import pytest

from search.page.warm_up import warm_up
from tests.support.processes import url_of_test_database
from tests.support.web_servers import web_server


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_warm_up_freezes_loaded_objects_for_the_garbage_collector() -> None:
    loaded = len(gc.get_objects())
    try:
        warm_up()

        assert gc.get_freeze_count() > loaded / 2 > len(gc.get_objects())
    finally:
        gc.unfreeze()


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_server_serves_even_if_its_warm_up_fails(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": url_of_test_database(), "SEARCH_TIME_LIMIT_S": "0.1"}

    with web_server(tmp_path, **settings) as server:
        assert "not warmed up" in server.log.read_text()
        assert server.status("/livez") == 200
