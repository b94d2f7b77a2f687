"""Why is this product not found? Pages beside those of the products."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.postgres.search import SearchQuery
from django.core.files.storage import default_storage
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from catalog.admin import ProductAdmin
from catalog.console.base import require
from catalog.console.rights import Right, may
from catalog.models import Product
from indexing.monitoring.product_diagnosis import diagnose

MAX_FOUND = 20
MAX_QUERY = 200  # characters

admin.site.unregister(Product)


@admin.register(Product)
class ExplainedProductAdmin(ProductAdmin):
    change_form_template = "admin/catalog/product/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("find/", wrap(self.find), name="find_product"),
            path("<int:object_id>/why/", wrap(self.explain), name="why_not_found"),
        ]
        return own + super().get_urls()

    def find(self, request: HttpRequest) -> HttpResponse:
        """Finds products by SKU, number or words, to ask why searches do not find them. If there is
        one alone, its answer follows at once."""
        require(request, Right.VIEW)
        asked = request.GET.get("q", "").replace("\0", "").strip()[:MAX_QUERY]
        products = find_products(asked) if asked else []
        if len(products) == 1:
            return HttpResponseRedirect(reverse("admin:why_not_found", args=[products[0].pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Why is this product not found?"),
            "opts": self.opts,
            "asked": asked,
            "products": products,
        }
        return TemplateResponse(request, "admin/catalog/product/find.html", context)

    def explain(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Shows every condition that must hold before a search can find the product."""
        require(request, Right.VIEW)
        product = Product.objects.select_related("category").filter(pk=object_id).first()
        if product is None:
            raise Http404
        diagnosis = diagnose(product)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Why is this product not found?"),
            "opts": self.opts,
            "diagnosis": diagnosis,
            "photos": [(default_storage.url(p.file), p) for p in diagnosis.photos if p.file],
            "may_operate": may(request.user, Right.OPERATE),
        }
        return TemplateResponse(request, "admin/catalog/product/why.html", context)


def find_products(asked: str) -> list[Product]:
    """Returns products with this number, SKU or the beginning of a SKU, or with these words."""
    exact = Q(sku=asked) | Q(sku__startswith=asked)
    if asked.isdecimal() and len(asked) < 19:
        exact |= Q(pk=int(asked))
    products = Product.objects.select_related("category")
    found = list(products.filter(exact).order_by("sku")[:MAX_FOUND])
    words = Q(search_document=SearchQuery(asked, config="english"))
    words |= Q(search_document=SearchQuery(asked, config="russian"))
    seen = [product.pk for product in found]
    others = products.filter(words).exclude(pk__in=seen)[: MAX_FOUND - len(found)]
    return [*found, *others]
