"""Photos that cannot be read are shown with their product and reason, replaced, and tried again."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from catalog.models import Product, ProductChange
from indexing.models import ImageFailure
from tests.console.pages.people import member, said, text_of
from tests.indexing.shop import add_product, add_products, found_skus, photo, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

LIST = "admin:indexing_imagefailure_changelist"


@pytest.fixture
def broken() -> Product:
    """A product whose photo is quarantined."""
    add_products(range(3))
    product = add_product("bad", b"nonsense", title="Broken lamp")
    rebuild()
    refresh()
    refresh()
    assert ImageFailure.objects.get().quarantined
    return product


def test_the_list_shows_picture_product_and_reason(broken: Product) -> None:
    page = member("operator").get(reverse(LIST))

    assert "Broken lamp (bad)" in text_of(page)
    assert ImageFailure.objects.get().reason in text_of(page)
    assert 'alt="does not open"' in page.content.decode()
    assert "Replace…" in text_of(page)
    assert "Replace…" not in text_of(member("viewer").get(reverse(LIST)))


def test_a_replaced_photo_is_found_after_the_next_refresh(broken: Product) -> None:
    operator = member("operator")
    address = reverse("admin:replace_photo", args=[ImageFailure.objects.get().pk])

    bad = SimpleUploadedFile("new.jpg", b"nonsense", "image/jpeg")
    assert "This file is not a photo of a known kind" in text_of(
        operator.post(address, {"file": bad})
    )
    good = SimpleUploadedFile("new.jpg", photo(77), "image/jpeg")
    response = operator.post(address, {"file": good}, follow=True)

    assert said(response) == ["The photo is replaced. The next refresh brings it into the index."]
    assert not ImageFailure.objects.exists()  # it is about the photo that was replaced
    refresh()
    assert found_skus(photo(77))[0] == "bad"
    assert not ImageFailure.objects.exists()


def test_all_are_tried_again_after_a_question(broken: Product) -> None:
    operator, address = member("operator"), reverse("admin:try_all_photos_again")
    assert not ProductChange.objects.exists()

    assert "1 photo is tried again at the next refresh." in text_of(operator.get(address))
    assert ImageFailure.objects.exists()
    response = operator.post(address, follow=True)

    assert said(response) == ["Images to try again at the next refresh: 1."]
    assert [change.pk for change in ProductChange.objects.all()] == [broken.pk]
