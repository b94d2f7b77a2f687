"""Fixtures of the tests of keys and limits."""

from tests.search.conftest import check_problem  # noqa: F401  (a fixture)
