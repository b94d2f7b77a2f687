from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _lazy


class IndexingConfig(AppConfig):
    name = "indexing"
    verbose_name = _lazy("Indexing")

    def ready(self) -> None:
        """Registers the pages of the console, after those of the task queue that they replace."""
        from catalog.console.translated_names import translate_names
        from indexing.console import (  # noqa: F401
            generation_admin,
            product_admin,
            queue_admin,
            run_admin,
            webhook_admin,
        )
        from indexing.console.encoders import encoder_admin, factor_admin  # noqa: F401
        from indexing.console.photos import failure_admin, photo_address_admin  # noqa: F401
        from indexing.console.sources import import_admin, source_admin  # noqa: F401

        translate_names(self)
