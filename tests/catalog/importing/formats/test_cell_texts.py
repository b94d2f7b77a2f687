"""HTML, lists, flags and category paths in the cells of exports."""

import pytest

from catalog.importing.formats.texts import (
    cut,
    html_to_text,
    join_category,
    one_line,
    read_flag,
    split_escaped,
    split_images,
    split_words,
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Plain,\ntwo lines", "Plain,\ntwo lines"),
        ("<p>One</p><p>two&nbsp;<b>bold</b></p>", "One\ntwo bold"),
        ("a<br/>b<script>alert(1)</script><style>p{}</style>", "a\nb"),
        ("&lt;p&gt;Escaped twice&lt;/p&gt;", "Escaped twice"),
        ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
        ("a<b and c", "a<b and c"),
        ("<ul><li>x<li>y</ul>", "x\ny"),
        ("<p>Not closed", "Not closed"),
        ("Salt &pepper, R&D", "Salt &pepper, R&D"),
        ("&laquo;A&raquo; &#8212; &euro;", "«A» — €"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_a_title_has_one_line() -> None:
    assert one_line(" Oak <b>chair</b>\n &amp;  seat ") == "Oak chair & seat"


def test_a_long_text_is_cut_after_a_word() -> None:
    assert cut("one two three", 9) == "one two…"
    assert cut("onetwothree", 8) == "onetwot…"
    assert cut("one", 3) == "one"


@pytest.mark.parametrize("text", ["yes", "TRUE", "1", "ja", "да", "in stock", "12", "3,5"])
def test_yes(text: str) -> None:
    assert read_flag(text) is True


@pytest.mark.parametrize("text", ["no", "False", "0", "out_of_stock", "нет", "-1"])
def test_no(text: str) -> None:
    assert read_flag(text) is False


def test_neither_yes_nor_no() -> None:
    assert read_flag("maybe") is None


def test_lists() -> None:
    assert split_escaped(r"a\, b, c,", ",") == ["a, b", "c"]
    assert split_words("oak; seat, soft") == ["oak", "seat, soft"]
    assert split_images("a.jpg|b, c.jpg") == ["a.jpg", "b", "c.jpg"]
    assert split_images("https://x/w_2,h_3/a.jpg https://x/b.jpg") == [
        "https://x/w_2,h_3/a.jpg",
        "https://x/b.jpg",
    ]


def test_a_category_name_with_the_separator_stays_one_step() -> None:
    assert join_category(["Garden", "Lamps > 5 W", " "]) == "Garden > Lamps › 5 W"
