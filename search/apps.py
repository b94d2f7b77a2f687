from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"
    verbose_name = "Search"

    def ready(self) -> None:
        """Registers the pages of the console."""
        from search.console import search_admin  # noqa: F401
