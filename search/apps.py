from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _lazy


class SearchConfig(AppConfig):
    name = "search"
    verbose_name = _lazy("Search")

    def ready(self) -> None:
        """Registers the pages of the console."""
        from search.console import search_admin  # noqa: F401
        from search.console.recommendations import experiment_admin  # noqa: F401
