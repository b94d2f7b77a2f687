"""Photos of a product that are added, replaced and deleted in the console, then searched for."""

from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as site
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile, File
from django.core.files.images import ImageFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from catalog.models import Product, ProductChange, ProductImage
from catalog.models.product import content_hash
from tests.console.forms import Sent, errors_of, shown, upload
from tests.indexing.shop import (
    add_product,
    current_images,
    found_skus,
    photo,
    rebuild,
    refresh,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("empty_shop")

IN_MEMORY = 2_500_000  # bytes; larger uploads become temporary files


@pytest.fixture(autouse=True)
def _large_uploads_are_temporary_files(settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = IN_MEMORY


def page_of(product: Product) -> str:
    return reverse("admin:catalog_product_change", args=[product.pk])


def with_photo(sent: Sent, data: bytes, name: str = "photo.png", position: str = "") -> Sent:
    """Returns the form with one more photo."""
    number = int(sent["images-TOTAL_FORMS"][0])
    return {
        **sent,
        "images-TOTAL_FORMS": [number + 1],
        f"images-{number}-position": [position],
        f"images-{number}-file": [upload(name, data)],
    }


def save(client: Client, product: Product, **changes: Any) -> Any:
    """Opens the product's form, changes the given fields and saves it."""
    form = {**shown(client.get(page_of(product))), **{k: [v] for k, v in changes.items()}}
    return client.post(page_of(product), form)


def add(client: Client, product: Product, data: bytes, name: str = "photo.png") -> Any:
    return client.post(
        page_of(product), with_photo(shown(client.get(page_of(product))), data, name)
    )


def large(seed: int) -> bytes:
    """Returns a PNG of noise that is too large to be kept in memory."""
    noise = np.random.default_rng(seed).integers(0, 256, (1024, 1024, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    assert len(file.getvalue()) > IN_MEMORY
    return file.getvalue()


def photos_of(product: Product) -> list[tuple[int, bytes, str]]:
    rows = ProductImage.objects.filter(product=product).order_by("position")
    stored = [Path(default_storage.path(row.file.name)).read_bytes() for row in rows]
    return [(row.position, data, row.content_hash) for row, data in zip(rows, stored, strict=True)]


PHOTOS = {
    "small.png": lambda: photo(7, "PNG"),
    "small.jpg": lambda: photo(7),
    "phone.heic": lambda: photo(7, "HEIF"),
    "small.webp": lambda: photo(7, "WEBP"),
    "large.png": lambda: large(7),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_an_added_photo_is_found_after_a_refresh(admin_client: Client, name: str) -> None:
    add_product("other", photo("red"))
    product = add_product("lamp")
    rebuild()
    data = PHOTOS[name]()

    response = add(admin_client, product, data, name)

    assert (response.status_code, errors_of(response)) == (302, {})
    assert photos_of(product) == [(0, data, content_hash(data))]
    assert [change.product_id for change in ProductChange.objects.all()] == [product.pk]
    assert found_skus(data)[0] == "other"
    refresh()
    assert found_skus(data)[0] == "lamp"
    assert not ProductChange.objects.exists()


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_is_replaced(admin_client: Client, name: str) -> None:
    product = add_product("lamp", photo("red"), photo("blue"))
    add_product("red one", photo("red"))
    rebuild()
    data = PHOTOS[name]()

    response = save(admin_client, product, **{"images-0-file": upload(name, data)})

    assert (response.status_code, errors_of(response)) == (302, {})
    blue = photo("blue")
    assert photos_of(product) == [(0, data, content_hash(data)), (1, blue, content_hash(blue))]
    refresh()
    assert found_skus(data)[0] == "lamp"
    assert found_skus(photo("red"))[0] == "red one"


def test_a_new_product_is_added_with_its_photos(admin_client: Client) -> None:
    page = reverse("admin:catalog_product_add")
    sent = {**shown(admin_client.get(page)), "sku": ["new"]}
    for seed in (1, 2):
        sent = with_photo(sent, photo(seed), f"{seed}.jpg")

    response = admin_client.post(page, sent)

    assert errors_of(response) == {}
    product = Product.objects.get(sku="new")
    assert [(at, data) for at, data, _ in photos_of(product)] == [(0, photo(1)), (1, photo(2))]


def test_photos_swap_positions_and_are_deleted(admin_client: Client) -> None:
    product = add_product("lamp", photo("red"), photo("blue"), photo("lime"))
    rebuild()

    places = {"images-0-position": "1", "images-1-position": "0"}
    response = save(admin_client, product, **places, **{"images-2-DELETE": "on"})

    assert (response.status_code, errors_of(response)) == (302, {})
    assert [data for _, data, _ in photos_of(product)] == [photo("blue"), photo("red")]
    refresh()
    assert vectors_of() == current_images()

    sent = shown(admin_client.get(page_of(product)))
    sent = with_photo({**sent, "images-0-DELETE": ["on"]}, photo("navy"), position="0")
    assert errors_of(admin_client.post(page_of(product), sent)) == {}
    assert [data for _, data, _ in photos_of(product)] == [photo("navy"), photo("red")]


BROKEN = {
    "cut.jpg": (lambda: photo(7)[:600], "cannot be read"),
    "words.png": (lambda: b"just words", "not a photo of a known kind"),
    "drawing.svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a photo"),
    "page.html": (lambda: photo(7), "not allowed"),
    "no-extension": (lambda: photo(7), "not allowed"),
    "empty.png": (lambda: b"", "empty"),
    "large.jpg": (lambda: photo(7) + b"\0" * site.IMAGE_MAX_BYTES, "too large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_a_photo_gets_a_sentence_beside_the_field(
    admin_client: Client, name: str
) -> None:
    product = add_product("lamp", photo("red"))
    files = stored_files()
    make, sentence = BROKEN[name]

    for field in ("images-0-file", "images-1-file"):
        form = with_photo(shown(admin_client.get(page_of(product))), photo(1))
        form[field] = [upload(name, make())]
        response = admin_client.post(page_of(product), {**form, "title": ["Other"]})

        assert response.status_code == 200
        assert sentence in " ".join(errors_of(response)[field])
        assert sentence in response.content.decode()

    assert [data for _, data, _ in photos_of(product)] == [photo("red")]
    assert stored_files() == files
    product.refresh_from_db()
    assert product.title == "Thing lamp"


def stored_files() -> list[str]:
    return sorted(str(path) for path in Path(default_storage.location).rglob("*") if path.is_file())


def test_the_sentence_has_the_language_of_the_console(admin_client: Client) -> None:
    product = add_product("lamp")
    admin_client.cookies["django_language"] = "ru"

    response = add(admin_client, product, photo(7)[:600], "cut.jpg")

    assert "не удаётся прочитать" in " ".join(errors_of(response)["images-0-file"])


def test_photos_need_their_own_permissions(client: Client) -> None:
    user = User.objects.create_user("editor", is_staff=True)
    rights = Permission.objects.filter(codename__in=["change_product", "view_productimage"])
    user.user_permissions.set(rights)
    client.force_login(user)
    product = add_product("lamp", photo("red"))
    form = {**shown(client.get(page_of(product))), "title": ["Other"], "images-TOTAL_FORMS": [2]}
    form |= {"images-INITIAL_FORMS": [1], "images-0-id": [product.images.get().pk]}
    form |= {"images-0-DELETE": ["on"], "images-1-file": [upload("new.png", photo(1, "PNG"))]}

    client.post(page_of(product), form)

    assert [data for _, data, _ in photos_of(product)] == [photo("red")]
    product.refresh_from_db()
    assert product.title == "Other"


def test_two_photos_with_one_position_are_refused(admin_client: Client) -> None:
    product = add_product("lamp", photo("red"))
    sent = with_photo(shown(admin_client.get(page_of(product))), photo(1), position="0")

    response = admin_client.post(page_of(product), sent)

    assert response.status_code == 200
    assert "images" in errors_of(response)
    assert product.images.count() == 1


def temporary_upload(data: bytes) -> TemporaryUploadedFile:
    file = TemporaryUploadedFile("photo.png", "image/png", len(data), None)
    file.write(data)
    file.flush()
    return file


def opened(data: bytes) -> Any:
    path = Path(default_storage.location) / "elsewhere.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.open("rb")


SOURCES = {
    "in memory": lambda data: SimpleUploadedFile("photo.png", data),
    "temporary": temporary_upload,
    "content": lambda data: ContentFile(data, "photo.png"),
    "file": lambda data: File(opened(data), "photo.png"),
    "image file": lambda data: ImageFile(opened(data), "photo.png"),
    "in the storage": lambda data: File(
        default_storage.open(default_storage.save("kept.png", ContentFile(data))), "photo.png"
    ),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("read", [0, 100], ids=["fresh", "partly read"])
def test_a_photo_is_saved_from_every_source(source: str, read: int) -> None:
    product = add_product("lamp")
    image, data = ProductImage(product=product), photo(3, "PNG")
    with closing(SOURCES[source](data)) as file:
        file.read(read)
        image.file = file
        image.save()

    assert photos_of(product) == [(0, data, content_hash(data))]

    data = photo(4, "PNG")
    with closing(SOURCES[source](data)) as file:
        image.file = file
        image.save(update_fields=["file"])

    assert photos_of(product) == [(0, data, content_hash(data))]


def test_a_photo_is_saved_by_its_field(admin_client: Client) -> None:
    product, data = add_product("lamp"), photo(3, "PNG")
    image = ProductImage(product=product)

    image.file.save("photo.png", ContentFile(data))

    assert photos_of(product)[0][1] == data
