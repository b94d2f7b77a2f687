from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("Catalogue")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from catalog.api import key_scheme  # noqa: F401  (describes keys in the schema)
        from catalog.console.rights import set_group_rights
        from catalog.console.translated_names import translate_names

        translate_names(self)
        post_migrate.connect(set_group_rights, dispatch_uid="catalog.group_rights")
