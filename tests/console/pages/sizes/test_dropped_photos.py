"""Photos that are dropped on a page, or chosen there, are searched with at once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from catalog.models import Generation
from tests.indexing.shop import photo

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_shop"), pytest.mark.long]

DROP = """bytes => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([new Uint8Array(bytes)], "mine.png", { type: "image/png" }));
    const options = { dataTransfer: dropped, bubbles: true, cancelable: true };
    document.querySelector("main").dispatchEvent(new DragEvent("drop", options));
}"""


def drop_photo(page: Page, seed: int) -> None:
    with page.expect_navigation():
        page.evaluate(DROP, list(photo(seed, "PNG")))


def test_each_step_of_a_dropped_photo_is_shown(
    generations: list[Generation], console: Callable[[str], Page]
) -> None:
    page = console("catalog/loggedsearch/try/")

    drop_photo(page, 3)

    expect(page.get_by_text("Decoded to 64 × 64 pixels")).to_be_visible()
    expect(page.get_by_text(f"Answered by generation {generations[0].pk}")).to_be_visible()
    expect(page.get_by_label("Words")).to_have_value("")


def test_the_name_of_a_chosen_photo_is_not_searched_for(
    generations: list[Generation], console: Callable[[str], Page], tmp_path: Path
) -> None:
    file = tmp_path / "lamp.png"
    file.write_bytes(photo(3, "PNG"))
    page = console("catalog/loggedsearch/try/")

    page.get_by_label("Photo").set_input_files(file)

    expect(page.get_by_label("Words")).to_have_value("")
    page.locator("form[enctype] button", has_text="Search").click()
    expect(page.get_by_text("Decoded to 64 × 64 pixels")).to_be_visible()
    expect(page.get_by_label("Words")).to_have_value("")


def test_both_generations_answer_a_dropped_photo(
    generations: list[Generation], console: Callable[[str], Page]
) -> None:
    page = console("catalog/generation/compare/")

    drop_photo(page, 5)

    answers = page.locator("article")
    expect(answers).to_have_count(1)
    expect(answers.get_by_text("results in common")).to_be_visible()
    expect(answers.locator("ol")).to_have_count(2)
    first = answers.locator("ol > li:first-child")
    expect(first).to_have_text([first.first.inner_text(), first.first.inner_text()])
