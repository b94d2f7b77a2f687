"""Photos that could not be read, in the console: the picture, the product, the reason, and pages
that replace a photo or try all of them again."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from catalog.console.audit_log import record_request
from catalog.console.base import FileInput, ReadOnlyAdmin, require
from catalog.console.product_photos import PhotoField
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence
from catalog.models import Product, ProductImage
from indexing.console.question_page import ask
from indexing.embedding import quarantine
from indexing.models import ImageFailure

LIST = "admin:indexing_imagefailure_changelist"
MAX_COUNTED = 10_000


class ReplacementForm(forms.Form):
    """The photo that takes the place of one that cannot be read."""

    file = PhotoField(label=_lazy("New photo"), widget=FileInput())


@admin.register(ImageFailure)
class ImageFailureAdmin(ReadOnlyAdmin):
    """A quarantined photo is tried again when its file changes or an operator releases it."""

    list_display = (
        *("picture", "product", "why", "attempts", "quarantined", "since", "last_at", "steps"),
    )
    list_display_links = ("picture",)
    list_filter = ("quarantined",)
    change_list_template = "admin/indexing/imagefailure/change_list.html"
    actions = ("try_again",)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_operate": may(request.user, Right.OPERATE), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Reads the products and photos of a page in two queries."""
        page = super().get_changelist_instance(request)
        rows = list(page.result_list)
        products = Product.objects.in_bulk([row.product_id for row in rows])
        images = ProductImage.objects.in_bulk([row.image_id for row in rows])
        for row in rows:
            row.shown_product = products.get(row.product_id)
            row.shown_image = images.get(row.image_id)
            row.is_steered = may(request.user, Right.OPERATE)
        page.result_list = rows
        return page

    @admin.display(description=_lazy("photo"))
    def picture(self, failure: Any) -> str:
        image = getattr(failure, "shown_image", None)
        if image is None or not image.file:
            return "–"
        return format_html(
            '<img src="{}" width="56" height="56" alt="{}">', image.file.url, _("does not open")
        )

    @admin.display(description=_lazy("product"), ordering="product_id")
    def product(self, failure: Any) -> str:
        product = getattr(failure, "shown_product", None)
        if product is None:
            return str(failure.product_id)
        address = reverse("admin:catalog_product_change", args=[product.pk])
        return format_html('<a class="underline" href="{}">{}</a>', address, product)

    @admin.display(description=_lazy("reason"), ordering="reason")
    def why(self, failure: ImageFailure) -> str:
        return translate_sentence(failure.reason)

    @admin.display(description=_lazy("what to do"))
    def steps(self, failure: Any) -> str:
        if not getattr(failure, "is_steered", False):
            return "–"
        address = reverse("admin:replace_photo", args=[failure.pk])
        return format_html('<a class="underline" href="{}">{}</a>', address, _("Replace…"))

    @admin.action(description=_lazy("Try again at the next refresh"), permissions=["operate"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[ImageFailure]) -> None:
        keys = list(chosen.values_list("product_id", "image_id"))
        quarantine.release_images(keys)
        self.tell_done(request, f"Images to try again at the next refresh: {len(keys)}.")

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("try-all-again/", wrap(self.try_all_again), name="try_all_photos_again"),
            path("<int:object_id>/replace/", wrap(self.replace), name="replace_photo"),
        ]
        return own + super().get_urls()

    def try_all_again(self, request: HttpRequest) -> HttpResponse:
        """Says how many photos would be tried again, with a button that does it."""
        require(request, Right.OPERATE)
        if request.method != "POST":
            number = ImageFailure.objects.all()[: MAX_COUNTED + 1].count()
            question = ngettext(
                "%(n)s photo is tried again at the next refresh. It may fail again.",
                "%(n)s photos are tried again at the next refresh. They may fail again.",
                number,
            ) % {"n": number}
            buttons = [("try", _("Try all again"))]
            title, back = _("Try all photos again?"), _("Back to the failed photos")
            return ask(request, self, title, question, buttons, reverse(LIST), back)
        number = quarantine.release_all_images()
        record_request(request, "try again", "all failed photos", str(number))
        self.tell_done(request, f"Images to try again at the next refresh: {number}.")
        return HttpResponseRedirect(reverse(LIST))

    def replace(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Takes another photo in place of one that cannot be read."""
        require(request, Right.OPERATE)
        failure = ImageFailure.objects.filter(pk=object_id).first()
        image = (
            ProductImage.objects.filter(product_id=failure.product_id, pk=failure.image_id)
            .select_related("product")
            .first()
            if failure
            else None
        )
        if failure is None or image is None:
            raise Http404
        form = ReplacementForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            image.file = form.cleaned_data["file"]
            image.save()
            quarantine.release_images([(image.product_id, image.pk)])
            record_request(request, "replace photo", f"product {image.product_id}", str(image.file))
            sentence = _("The photo is replaced. The next refresh brings it into the index.")
            self.message_user(request, sentence)
            return HttpResponseRedirect(reverse(LIST))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Replace a photo"),
            "opts": self.opts,
            "form": form if request.method == "POST" else ReplacementForm(),
            "reason": translate_sentence(failure.reason),
            "product": image.product,
            "address": default_storage.url(image.file.name) if image.file else "",
            "back": reverse(LIST),
        }
        return TemplateResponse(request, "admin/indexing/imagefailure/replace.html", context)
