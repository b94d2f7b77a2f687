"""Uploads files in the console, and lets the worker import them."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog.models import ProductImport
from indexing.pipeline.sources.import_run import start_imports
from indexing.pipeline.worker import work_on

FEED = "sku,title,price,colour\nlamp,Lamp,10.00,red\nsofa,Sofa,20.00,blue\n"


def operator(name: str, *rights: str) -> Client:
    """Returns a client of a member of staff with these rights."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def upload(client: Client, content: str | bytes, name: str = "shop.csv", **fields: Any) -> Any:
    """Sends a file, and returns the page that follows."""
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, data, "application/octet-stream")
    return client.post(reverse("admin:import_file"), {"file": file, **fields}, follow=True)


def address_of(page: Any) -> str:
    """Returns the address of the preview that an upload has led to."""
    return str(page.redirect_chain[-1][0])


def press(client: Client, address: str, button: str) -> Any:
    """Presses a button of a preview, and returns the page that follows."""
    return client.post(address, {button: "1"}, follow=True)


def text_of(page: Any) -> str:
    return page.content.decode()


def work() -> ProductImport:
    """Lets the worker do what is asked for, and returns the last import."""
    work_on(start_imports())
    last = ProductImport.objects.first()
    assert last is not None
    return last
