"""The Content-Security-Policy allows what the pages of the shop, the console and the API need. The
fixture `page` fails at every violation."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.support.committed import run_committed

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]


@pytest.fixture
def operator() -> Iterator[User]:
    """A superuser that the threads of the site see."""
    create = partial(User.objects.create_superuser, "operator", password="correct horse")
    user: User = run_committed(create)
    yield user
    run_committed(user.delete)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:The default scheme will be changed")
def test_the_console_works_under_its_policy(served: str, operator: User, page: Page) -> None:
    page.goto(f"{served}/admin/")
    page.locator("[name=username]").fill("operator")
    page.locator("[name=password]").fill("correct horse")
    page.locator("form [type=submit]").click()
    expect(page.locator("body")).to_contain_text("Products")

    for address in (
        "catalog/product/add/",
        "catalog/generation/",
        "catalog/loggedsearch/",
        "indexing/indexingrun/",
        "auth/user/",
    ):
        page.goto(f"{served}/admin/{address}")
        expect(page.locator("#main, #content, main").first).to_be_visible()

    # The form of a product, to which a script adds a row.
    page.goto(f"{served}/admin/catalog/product/?q=antiquechair")
    page.get_by_role("link", name="blends-antiquechair").click()
    expect(page.locator("[name=title]")).to_have_value("Chair")
    forms = page.locator("[name$=-TOTAL_FORMS]").first
    before = int(forms.input_value())
    page.locator(".add-row").first.click()
    expect(forms).to_have_value(str(before + 1))

    # A form that is saved. It is not a product's, because the session shares the index.
    page.goto(f"{served}/admin/auth/user/{operator.pk}/change/")
    page.locator("[name=first_name]").fill("Olga")
    page.locator("[name=_save]").click()
    expect(page.locator("body")).to_contain_text("was changed successfully")

    # A menu that Alpine opens.
    account = page.locator("[x-on\\:click*=openUserLinks]").first
    leave = page.get_by_text("Log out")
    expect(leave).to_be_hidden()
    account.click()
    leave.click()
    expect(page.locator("body")).to_contain_text("logged out")


@pytest.mark.long
def test_the_pages_of_the_api_work_under_their_policy(served: str, page: Page) -> None:
    page.goto(f"{served}/api/docs/")
    call = page.locator(".opblock", has_text="/api/v1/search/text/")
    call.locator(".opblock-summary-control").click()
    call.locator(".try-out__btn").click()
    call.locator("tr[data-param-name=q] input").fill("chair")
    call.locator(".execute").click()

    expect(call.locator(".live-responses-table td.response-col_status").last).to_contain_text("200")


@pytest.mark.parametrize("path", ["/", "/search/?q=chair", "/404", "/search/?q=%00"])
def test_every_page_of_the_shop_has_a_policy_without_exceptions(path: str, client: Any) -> None:
    policy = client.get(path)["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
