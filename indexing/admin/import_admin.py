"""Imports in the console: who, when, what changed, and the refused lines as a file."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from catalog.console.base import ReadOnlyAdmin
from catalog.importing.history.line_report import report_lines
from catalog.models import ProductImport


@admin.register(ProductImport)
class ProductImportAdmin(ReadOnlyAdmin):
    """Imports of sources and of the command import_products. The code alone writes them."""

    list_display = (
        *("id", "name", "state", "started_by", "started_at", "added", "changed", "hidden"),
        *("removed", "refused", "report", "outcome"),
    )
    list_filter = ("state", "source")
    search_fields = ("name", "started_by")
    list_per_page = 50
    exclude = ("chunk_id",)

    @admin.display(description="report")
    def report(self, product_import: ProductImport) -> str:
        if not product_import.refused:
            return "–"
        address = reverse("admin:import_report", args=[product_import.pk])
        return format_html('<a class="underline" href="{}">refused lines</a>', address)

    @admin.display(description="outcome")
    def outcome(self, product_import: ProductImport) -> str:
        if product_import.undone_at:
            kept = f"; {product_import.kept} products kept" if product_import.kept else ""
            return f"by {product_import.undone_by or '–'}{kept}"
        return product_import.error or "–"

    def get_urls(self) -> list[URLPattern]:
        report = self.admin_site.admin_view(self.download_report)
        own = [path("<int:object_id>/report.csv", report, name="import_report")]
        return own + super().get_urls()

    def download_report(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """Sends the refused lines as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        product_import = ProductImport.objects.filter(pk=object_id).first()
        if product_import is None:
            raise Http404
        response = StreamingHttpResponse(
            report_lines(product_import), content_type="text/csv; charset=utf-8"
        )
        name = f"refused-lines-{product_import.pk}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
