"""Encoders and adapters in the console, with their figures."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog.console.base import ReadOnlyAdmin
from catalog.models import Adapter, EncoderVersion
from indexing.adapters.fitting import describe_figures, failed_adapter_gates
from indexing.encoder_registry import list_encoders


@admin.register(EncoderVersion)
class EncoderVersionAdmin(ReadOnlyAdmin):
    """The registry of encoders, with the figures of each."""

    list_display = (
        "name",
        "short_checksum",
        "status",
        "dimensions",
        "embeddings",
        "quality",
        "source",
        "created_at",
    )
    list_filter = ("status",)
    readonly_fields = ("embeddings",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return list_encoders()

    @admin.display(description="checksum")
    def short_checksum(self, version: EncoderVersion) -> str:
        return version.checksum[:8]

    @admin.display(description="embeddings")
    def embeddings(self, version: Any) -> int:
        return version.embeddings


@admin.register(Adapter)
class AdapterAdmin(ReadOnlyAdmin):
    """Adapters from the queries of one encoder to the vectors of another. `index adopt` fits
    them."""

    list_display = (
        "id",
        "query_encoder",
        "index_encoder",
        "kind",
        "sample",
        "recall",
        "usable",
        "created_at",
    )
    list_select_related = ("query_encoder", "index_encoder")
    exclude = ("parameters",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Adapter]:
        return super().get_queryset(request).defer("parameters")

    @admin.display(description="recall")
    def recall(self, adapter: Adapter) -> str:
        return "; ".join(describe_figures(adapter.figures))

    @admin.display(description="may be used", boolean=True)
    def usable(self, adapter: Adapter) -> bool:
        return not failed_adapter_gates(adapter.figures)
