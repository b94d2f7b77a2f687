"""What a web process does before its first search."""

import gc

import pytest

from search.warm_up import warm_up


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_what_is_loaded_is_not_looked_through_for_garbage() -> None:
    loaded = len(gc.get_objects())
    try:
        warm_up()

        assert gc.get_freeze_count() > loaded / 2 > len(gc.get_objects())
    finally:
        gc.unfreeze()
