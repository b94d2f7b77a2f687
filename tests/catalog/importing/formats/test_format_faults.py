"""Feeds of real shops have faults. Each is mended, or refused with a sentence."""

from decimal import Decimal

import pytest

from catalog.importing.errors import FeedCutOff, ImportFailed
from catalog.importing.formats.opening import open_feed
from tests.catalog.importing.feeds import SAMPLES, WriteFeed, read

LAMPS = "sku;title\nA;Настольная лампа\nB;Светильник у кровати\n"
CHAIRS = "sku;title\nA;Stühle für schöne Räume\nB;Kleines Regal aus Nußbaum\n"
XML = '<?xml version="1.0" encoding="{}"?><rss><channel><item><id>A</id><title>{}</title></item>'
XML_END = "</channel></rss>"


def titles(rows: list[dict]) -> list[str]:
    return [row.get("title") or row.get("title_ru") for row in rows]


# --- Encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (LAMPS, "utf-8"),
        (LAMPS, "utf-8-sig"),
        (LAMPS, "utf-16"),
        (LAMPS, "utf-16-le"),
        (LAMPS, "cp1251"),
        (LAMPS, "koi8-r"),
        (CHAIRS, "latin-1"),
        (CHAIRS, "cp1252"),
        ("sku,title\nA,café\nB,thé\n", "latin-1"),
    ],
)
def test_the_encoding_of_a_table_is_found(write_feed: WriteFeed, text: str, encoding: str) -> None:
    rows, refused = read(write_feed(text, encoding))

    assert refused == {}
    assert titles(rows) == [line[2:] for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("declared", "real"),
    [
        ("UTF-8", "utf-8"),
        ("windows-1251", "cp1251"),
        ("UTF-8", "cp1251"),
        ("windows-1251", "utf-8"),
        ("UTF-16", "utf-16"),
        ("nonsense", "utf-8-sig"),
    ],
)
def test_xml_is_read_whatever_encoding_it_declares(
    write_feed: WriteFeed, declared: str, real: str
) -> None:
    path = write_feed(XML.format(declared, "Настольная лампа") + XML_END, real)

    assert titles(read(path)[0]) == ["Настольная лампа"]


def test_json_lines_may_be_utf16(write_feed: WriteFeed) -> None:
    assert titles(read(write_feed('{"sku": "A", "title": "Lamp"}\n', "utf-16"))[0]) == ["Lamp"]


def test_a_row_in_another_encoding_than_the_rest_is_refused(write_feed: WriteFeed) -> None:
    mixed = LAMPS.encode() + "C;Кресло\nD;chair\n".encode("cp1251") + "E;Стол\n".encode()

    rows, refused = read(write_feed(mixed))

    assert [row["sku"] for row in rows] == ["A", "B", "D", "E"]
    assert refused == {4: "some of its text is not utf-8, as the rest of the file is"}


def test_a_product_of_xml_in_another_encoding_is_refused(write_feed: WriteFeed) -> None:
    begin = XML.format("UTF-8", "Настольная лампа").encode()
    item = "<item><id>B</id><title>Стол</title></item>".encode("cp1251")

    rows, refused = read(write_feed(begin + item + XML_END.encode()))

    assert titles(rows) == ["Настольная лампа"]
    assert list(refused.values()) == ["some of its text is not utf-8, as the rest of the file is"]


# --- Tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(write_feed: WriteFeed, delimiter: str) -> None:
    rows = [["sku", "title", "price"], ["A", '"Lamp; big, |"', "9"], ["B", '"2\t""x"""', "8"]]
    path = write_feed("\r\n".join(delimiter.join(row) for row in rows) + "\r\n")

    assert titles(read(path)[0]) == ["Lamp; big, |", '2 "x"']


def test_blank_rows_are_skipped_and_rows_of_another_width_refused(write_feed: WriteFeed) -> None:
    path = write_feed("\nsku,title,price\nA,Lamp,5\n\n,,\nB,Lamp, big,5\nC,Lamp\nD,Lamp,7,,\n")

    rows, refused = read(path)

    assert [row["sku"] for row in rows] == ["A", "D"]
    assert refused == {
        6: "the row has 4 cells, and the header 3",
        7: "the row has 2 cells, and the header 3",
    }


def test_line_numbers_count_the_lines_inside_cells(write_feed: WriteFeed) -> None:
    _, refused = read(write_feed('sku,title,price\nA,"a\nb\nc",1\nB,x,cheap\n'))

    assert list(refused) == [5]


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "@name", "'quoted", "-5 °C", "=cmd|'/c calc'!A1"]
)
def test_a_formula_is_text(write_feed: WriteFeed, text: str) -> None:
    assert titles(read(write_feed(f'sku,title\nA,"{text}"\n'))[0]) == [text]


def test_the_decimal_mark_is_that_of_the_column(write_feed: WriteFeed) -> None:
    def prices(*texts: str) -> list[Decimal]:
        rows, _ = read(write_feed("sku;price\n" + "".join(f"{t};{t}\n" for t in texts)))
        return [row["price"] for row in rows]

    assert prices("1.299", "899,00") == [1299, 899]
    assert prices("1.299", "899") == [1299, 899]
    assert prices("1.299", "0.125") == [Decimal("1.299"), Decimal("0.125")]
    assert prices("1,299", "899.00") == [1299, 899]


def test_a_wrong_price_refuses_its_row_only(write_feed: WriteFeed) -> None:
    rows, refused = read(write_feed("sku,price\nA,on request\nB,5\n"))

    assert [row["sku"] for row in rows] == ["B"]
    assert refused == {2: "price 'on request' is not an amount with a currency that is known"}


def test_a_title_that_is_too_long_is_cut_with_a_note(write_feed: WriteFeed) -> None:
    feed = open_feed(write_feed(f"sku,title\nA,{'word ' * 2000}\n"))

    ((_, row),) = feed.rows()

    assert (len(row["title"]) <= 500, row["title"].endswith("word…")) == (True, True)
    assert feed.notes == [(2, "title has 9999 characters; it is cut to 500")]


def test_a_product_without_images_says_nothing_about_images(write_feed: WriteFeed) -> None:
    rows, _ = read(write_feed("sku,title,images\nA,Lamp,\nB,Lamp,b.jpg\n"))

    assert [row.get("images") for row in rows] == [None, ["b.jpg"]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b" \r\n\r\n", "the file is empty"),
        (b"PK\x03\x04 and more", "a zip archive or a spreadsheet"),
        (b"\x89PNG\r\n\x1a\n\0\0", "the format is not known"),
        (b'[{"sku": "A"}]', "one JSON list"),
        (b"<html><body>404</body></html>", "begins with <html>"),
        (b"Hello,World\n1,2\n", "the format is not known"),
    ],
)
def test_a_file_that_is_no_feed_is_refused(
    write_feed: WriteFeed, content: bytes, sentence: str
) -> None:
    with pytest.raises(ImportFailed, match=sentence):
        open_feed(write_feed(content))


def test_rows_of_a_shopify_product_that_stand_apart_are_refused(write_feed: WriteFeed) -> None:
    path = write_feed("Handle,Title,Variant Price\na,Lamp,5\nb,Chair,6\na,,7\n")

    rows, refused = read(path)

    assert [row["sku"] for row in rows] == ["a", "b"]
    assert "must stand together" in refused[4]


# --- XML ------------------------------------------------------------------------------------------


def test_html_entities_and_control_characters_in_xml_are_read(write_feed: WriteFeed) -> None:
    path = write_feed(
        XML.format("UTF-8", "5&nbsp;cm &laquo;A&raquo;\x0b &unknown; &amp;") + XML_END
    )

    assert titles(read(path)[0]) == ["5 cm «A» &unknown; &"]


def test_a_prefix_that_the_file_does_not_declare_is_ignored(write_feed: WriteFeed) -> None:
    path = write_feed("<rss><item><g:id>A</g:id><g:title>Lamp</g:title></item></rss>")

    assert read(path) == ([{"sku": "A", "title": "Lamp"}], {})
    with pytest.raises(FeedCutOff):
        read(write_feed("<rss>" + "<item><g:id>A</g:id></item>" * 300 + "<item>"))


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss SYSTEM "http://127.0.0.1:1/x.dtd" [<!ENTITY % a SYSTEM "http://x/">%a;]>',
        "<!-- <rss> " + "x" * 70_000 + '--><!DOCTYPE rss [<!ENTITY a "ha">]>',
    ],
)
def test_entities_of_the_file_are_refused(write_feed: WriteFeed, declaration: str) -> None:
    body = "<rss><item><id>A</id><title>&b;&a;</title></item></rss>"

    with pytest.raises(ImportFailed, match="declares entities"):
        read(write_feed(declaration + body))


def test_broken_xml_ends_the_import_with_a_line_number(write_feed: WriteFeed) -> None:
    path = write_feed(XML.format("UTF-8", "Lamp") + "\n<item><id>B</wrong></item>" + XML_END)

    with pytest.raises(ImportFailed, match=r"the XML is broken: .* line 2") as told:
        read(path)
    assert not isinstance(told.value, FeedCutOff)


def test_one_endless_product_is_refused(write_feed: WriteFeed) -> None:
    path = write_feed(XML.format("UTF-8", "Lamp") + "<item>" + f"<a>{'x' * 60_000}</a>" * 75)

    with pytest.raises(ImportFailed, match="larger than the limit"):
        read(path)


# --- Cut off --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["google.rss.xml", "yml.xml", "google.atom.xml"])
def test_xml_that_is_cut_off_is_known_anywhere(write_feed: WriteFeed, name: str) -> None:
    whole = (SAMPLES / name).read_bytes().rstrip()

    for size in range(len(whole) // 2, len(whole), 331):
        with pytest.raises(FeedCutOff, match="ends in the middle"):
            read(write_feed(whole[:size]))


@pytest.mark.parametrize(
    "text",
    [
        'sku,title,price\nA,Lamp,5\nB,"Cha',
        "sku,title,price\nA,Lamp,5\nB,Chair",
        "sku,title,price\nA,Lamp,5\nB,",
        '{"sku": "A"}\n{"sku": "B", "ti',
    ],
)
def test_a_row_that_is_cut_off_ends_the_feed_after_the_rows_before(
    write_feed: WriteFeed, text: str
) -> None:
    rows = open_feed(write_feed(text)).rows()

    assert next(rows)[1]["sku"] == "A"
    with pytest.raises(FeedCutOff, match="ends in the middle of"):
        list(rows)


def test_a_table_whose_last_line_has_no_end_is_whole(write_feed: WriteFeed) -> None:
    assert len(read(write_feed("sku,title\nA,Lamp\nB,Chair"))[0]) == 2
    assert len(read(write_feed('sku,title\nA,Lamp\nB,"Chair"'))[0]) == 2
