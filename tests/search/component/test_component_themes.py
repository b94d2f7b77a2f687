"""axe-core finds nothing wrong with the web component, on a desktop and on a phone, in light and
dark, in each of its states."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.search.component.conftest import CHAIR, place
from tests.search.page.sizes.conftest import SIZES
from tests.support.accessibility import find_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db,
    pytest.mark.usefixtures("demo_index"),
    pytest.mark.long,
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_barriers_in_any_state(
    served: str, page: Page, tmp_path: Path, size: str, scheme: str
) -> None:
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.set_viewport_size(SIZES[size]["viewport"])
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    place(page, served, lang="en")
    barriers = {"closed": find_violations(page)}

    page.locator("vitrina-search #file").set_input_files(CHAIR)
    expect(page.locator("vitrina-search li").first).to_contain_text("Exact match")
    barriers["photo"] = find_violations(page)

    page.locator("vitrina-search .object").first.click()
    expect(page.get_by_role("button", name="Whole photo")).to_be_visible()
    expect(page.locator("vitrina-search li").first).to_be_visible()
    barriers["box"] = find_violations(page)

    page.get_by_role("button", name="Close").click()
    page.get_by_placeholder("Search products").fill("asdfghjkl")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    barriers["nothing"] = find_violations(page)

    page.get_by_role("button", name="Close").click()
    note = tmp_path / "note.jpg"
    note.write_text("no photo")
    page.locator("vitrina-search #file").set_input_files(note)
    expect(page.get_by_text("This photo cannot be read.")).to_be_visible()
    barriers["refused"] = find_violations(page)
    assert barriers == {state: [] for state in barriers}
