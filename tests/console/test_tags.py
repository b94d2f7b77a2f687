"""An operator accepts and refuses the words that an import proposes. Shoppers see the result."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from catalog.models import ProductTag, Tag
from tests.console.forms import errors_of
from tests.indexing.shop import photo, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

PAGE = "admin:catalog_tag_changelist"


@pytest.fixture
def shop(empty_shop: None, tmp_path: Path) -> None:
    """An imported and indexed shop: 30 red jackets and 30 blue boots, some of them on sale in
    spring."""
    lines = []
    for n in range(60):
        colour, name, name_ru = ("red", "Jackets", "Куртки") if n % 2 else ("blue", "Boots", "")
        (tmp_path / f"{colour}.jpg").write_bytes(photo(colour))
        lines.append(
            {
                "sku": f"{n}",
                "title": f"Thing {n}",
                "category": name,
                "category_ru": name_ru,
                "keywords": ["весна"] if n % 3 == 0 else [],
                "images": [f"{colour}.jpg"],
            }
        )
    file = tmp_path / "products.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    call_command("import_products", str(file), verbosity=0)
    rebuild()


def decide(client: Client, action: str, *slugs: str) -> list[str]:
    """Returns what the console says about an action on these tags."""
    chosen = [str(pk) for pk in Tag.objects.filter(slug__in=slugs).values_list("pk", flat=True)]
    client.cookies.pop("messages", None)
    response: Any = client.post(reverse(PAGE), {"action": action, "_selected_action": chosen})
    assert response.status_code == 302
    return [str(message) for message in get_messages(response.wsgi_request)]


def given() -> dict[str, int]:
    """Returns the number of products with each tag."""
    tags = ProductTag.objects.values_list("tag__slug", flat=True)
    return {slug: list(tags).count(slug) for slug in tags}


@pytest.mark.usefixtures("shop")
def test_proposals_are_shown_with_their_products_and_accepted_together(
    admin_client: Client, client: Client
) -> None:
    page = admin_client.get(reverse(PAGE)).content.decode()
    assert "Words of the catalogue that are proposed as tags: 3." in page
    assert page.count("/media/products/") == 9, "three examples of each"
    assert tags_of_photo(client, "red") == []

    said = decide(admin_client, "accept", "jackets", "boots", "весна")
    assert said == ["Tags changed: 3. The products follow at the next refresh."]
    refresh()

    assert given() == {"jackets": 30, "boots": 30, "весна": 20}
    assert tags_of_photo(client, "red") == [("jackets", "Jackets")]
    assert tags_of_photo(client, "red", "ru") == [("jackets", "Куртки")]
    assert tags_of_photo(client, "lime") == []
    page = admin_client.get(reverse(PAGE)).content.decode()
    assert page.count(": 100% right, found on 100%") == 2
    assert "rarely given to photos" in page  # which do not show the season


@pytest.mark.usefixtures("shop")
def test_each_decision_is_undone_by_the_other(admin_client: Client) -> None:
    decide(admin_client, "accept", "jackets", "boots")
    refresh()
    decide(admin_client, "refuse", "jackets")
    refresh()
    assert given() == {"boots": 30}

    decide(admin_client, "accept", "jackets")
    refresh()
    assert given() == {"boots": 30, "jackets": 30}

    said = decide(admin_client, "accept", "jackets")
    assert said == ["Nothing to do: the chosen tags are in this state already."]


def test_a_tag_has_a_name_in_at_least_one_language(admin_client: Client) -> None:
    add = reverse("admin:catalog_tag_add")

    response = admin_client.post(add, {"slug": "x", "state": "accepted"})
    assert errors_of(response) == {"__all__": ["Enter a name in at least one language."]}

    admin_client.post(add, {"slug": "x", "name_ru": "зонт", "state": "accepted"})
    assert [tag.label for tag in Tag.objects.all()] == ["зонт"]


def tags_of_photo(client: Client, colour: str, language: str = "en") -> list[tuple[str, str]]:
    answer = client.post(
        "/api/v1/search/photo/",
        {"image": BytesIO(photo(colour))},
        headers={"Accept-Language": language},
    ).json()
    return [(tag["slug"], tag["name"]) for tag in answer["tags"]]
