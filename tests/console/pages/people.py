"""Users in the groups of the console, and what pages say."""

import re
from html import unescape
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client


def member(group: str) -> Client:
    """Returns a client that is logged in as a user of this name in the group."""
    user = User.objects.create_user(f"{group}-anna", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    """Returns the text of a page without its tags."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.S)
    return " ".join(unescape(text).split())


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
