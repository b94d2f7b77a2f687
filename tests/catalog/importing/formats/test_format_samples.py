"""Each format says the same things in its own way: products, prices, categories and variants."""

from decimal import Decimal

import pytest

from catalog.importing.errors import ImportFailed
from catalog.importing.formats.column_mapping import read_mapping
from catalog.importing.formats.opening import open_feed
from tests.catalog.importing.feeds import LATER, SAMPLES, open_sample, read, read_sample

FORMATS = {
    "google.rss.xml": "google",
    "google.atom.xml": "google",
    "google.tsv": "google",
    "yml.xml": "yml",
    "shopify.csv": "shopify",
    "shopify-new.csv": "shopify",
    "woocommerce.csv": "woocommerce",
    "magento.csv": "magento",
    "own.csv": "csv",
}


@pytest.mark.parametrize(("name", "file_format"), FORMATS.items())
def test_a_format_is_found_by_its_content_and_may_be_insisted_on(
    name: str, file_format: str
) -> None:
    assert open_sample(name).format == file_format
    assert open_sample(name, file_format=file_format).format == file_format


@pytest.mark.parametrize(
    ("name", "file_format"), [("yml.xml", "google"), ("own.csv", "shopify"), ("own.csv", "yml")]
)
def test_a_format_that_does_not_fit_is_refused(name: str, file_format: str) -> None:
    with pytest.raises(ImportFailed):
        open_sample(name, file_format=file_format)


def test_google_rss() -> None:
    chair = read_sample("google.rss.xml")["CH-1"]

    assert chair["title"] == "Oak chair & cushion"
    assert chair["description"] == "Solid oak.\nLinen seat\nMade to last"
    assert (chair["price"], chair["currency"]) == (Decimal("99.00"), "EUR")
    assert chair["regular_price"] == "129.00"
    assert chair["category"] == "Home & Garden > Chairs"
    assert chair["google_product_category"] == "443"
    assert chair["url"] == "https://shop.example/ch-1?a=1&b=2"
    assert [image.rpartition("/")[2] for image in chair["images"]] == [
        "ch-1.jpg",
        "ch-1-side.jpg",
        "ch-1-back.jpg",
    ]
    assert (chair["color"], chair["Seat height"], chair["in_stock"]) == ("Natural", "45 cm", True)
    assert "group" not in chair


def test_a_google_item_group_is_a_group_with_options() -> None:
    shirt = read_sample("google.rss.xml")["TS-M"]

    assert (shirt["group"], shirt["options"]) == ("TS", {"Color": "Blue", "Size": "M"})
    assert shirt["category"] == "Apparel & Accessories > Clothing"
    assert (shirt["in_stock"], shirt["currency"]) == (False, "USD")
    assert "images" not in shirt


def test_google_atom() -> None:
    lamp = read_sample("google.atom.xml")["LA-1"]

    assert (lamp["title"], lamp["description"]) == ("Desk lamp", "Bends in three places.")
    assert (lamp["url"], lamp["in_stock"]) == ("https://shop.example/la-1", False)


def test_google_tsv_with_decimal_commas_and_commas_in_addresses() -> None:
    shoe = read_sample("google.tsv")["SH-42"]

    assert (shoe["title"], shoe["description"]) == ('Shoe "Runner", 42', 'For 5" of snow')
    assert (shoe["price"], shoe["regular_price"]) == (Decimal("999.00"), "1299.00")
    assert shoe["images"][1:] == [
        "https://shop.example/w_200,h_300/a.jpg",
        "https://shop.example/b.jpg",
    ]


def test_yandex_market() -> None:
    chair = read_sample("yml.xml")["9012"]

    assert (chair["title_ru"], "title" in chair) == ("Кресло «Дуб»", False)
    assert chair["category"] == "Мебель > Гостиная > Кресла › пуфы"
    assert chair["yml_category_id"] == "3"
    assert (chair["price"], chair["regular_price"]) == (Decimal("8990"), "9900.00")
    assert (chair["currency"], chair["Ширина"], len(chair["images"])) == ("RUB", "71 см", 2)


def test_yandex_parameters_that_differ_in_a_group_are_options() -> None:
    slippers = read_sample("yml.xml")

    assert [slippers[sku]["options"] for sku in ("T-42", "T-43")] == [
        {"Размер": "42 RU"},
        {"Размер": "43 RU"},
    ]
    assert {slippers[sku]["group"] for sku in ("T-42", "T-43")} == {"700"}
    assert slippers["T-42"]["Состав"] == "шерсть"
    assert slippers["T-42"]["title_ru"] == "Тапочки Норд Уют"


def test_a_shopify_product_with_the_default_variant_has_no_group() -> None:
    chair = read_sample("shopify.csv")["CH-1"]

    assert "group" not in chair
    assert (chair["category"], chair["type"], chair["Fabric"]) == (
        "Furniture > Chairs",
        "Dining",
        "Linen",
    )
    assert (chair["price"], chair["regular_price"]) == (Decimal("249.90"), "299.00")
    assert (chair["in_stock"], chair["barcode"]) == (False, "4006381333931")
    assert chair["description"] == "Solid oak.\nLinen seat."


def test_rows_of_a_shopify_handle_are_variants_with_the_texts_of_the_product() -> None:
    shirts = [row for row in read_sample("shopify.csv").values() if row.get("group") == "tee"]

    assert [(row["sku"], row["options"]["Size"], row["options"]["Color"]) for row in shirts] == [
        ("TS-S-B", "S", "Blue"),
        ("tee-M-Blue", "M", "Blue"),
        ("TS-M-R", "M", "Red"),
    ]
    assert {row["title"] for row in shirts} == {"T-shirt"}
    assert [row["in_stock"] for row in shirts] == [True, True, True]
    assert [image.rpartition("/")[2] for image in shirts[2]["images"]] == [
        "tee-red.jpg",
        "tee.jpg",
        "tee-back.jpg",
    ]


def test_the_new_names_of_shopify_columns_and_drafts() -> None:
    mugs = read_sample("shopify-new.csv")

    assert {sku: mug["options"] for sku, mug in mugs.items()} == {
        "MUG-W": {"Color": "White"},
        "MUG-B": {"Color": "Black"},
    }
    assert mugs["MUG-B"]["in_stock"] is False
    assert read_sample("shopify.csv")["DR-1"]["is_visible"] is False


def test_woocommerce_variables_are_groups_and_variations_their_variants() -> None:
    rows = read_sample("woocommerce.csv")

    hoodie = rows["HOODIE"]
    assert (hoodie["is_group"], hoodie["group"]) == (True, "HOODIE")
    assert hoodie["category"] == "Clothing > Hoodies, sweaters › 1 kg"
    assert hoodie["images"] == ["https://shop.example/h.jpg", "https://shop.example/h,2.jpg"]
    assert (hoodie["Care"], hoodie["description"]) == ("30 °C, no dryer", "Warm.\nSoft & warm.")
    blue = rows["HOODIE-B"]
    assert (blue["group"], blue["options"]) == ("HOODIE", {"Color": "Blue"})
    assert (blue["price"], "is_group" in blue) == (Decimal(35), False)
    assert rows["id:12"]["in_stock"] is False
    assert rows["CAP-S"]["group"] == "id:20"


def test_a_formula_that_woocommerce_has_escaped_is_the_text_of_the_shop() -> None:
    assert read_sample("woocommerce.csv")["id:13"]["title"] == "=SUM(A1)"


def test_a_magento_variant_finds_its_group_before_and_after_it() -> None:
    rows = read_sample("magento.csv")

    assert rows["WH"]["is_group"] is True
    assert {sku: (rows[sku]["group"], rows[sku]["options"]) for sku in ("WH-S", "WH-M")} == {
        "WH-S": ("WH", {"Size": "S", "Color": "Red"}),
        "WH-M": ("WH", {"Size": "M", "Color": "Red"}),
    }
    assert rows["WH-S"]["is_visible"] is True
    assert rows["WH-M"]["is_visible"] is False
    assert rows["GIFT"]["is_visible"] is False


def test_magento_categories_attributes_and_store_views() -> None:
    rows = read_sample("magento.csv")

    assert rows["WH"]["category"] == "Men > Tops/Shirts, all"
    assert rows["WH"]["title"] == "Hoodie"
    assert rows["WH"]["images"] == ["w/h/wh.jpg", "w/h/wh-2.jpg"]
    assert (rows["WH-S"]["material"], rows["WH-S"]["note"]) == (["Cotton", "Wool"], "soft, warm")


@pytest.mark.parametrize(
    ("name", "sku", "sale", "regular"),
    [
        ("google.rss.xml", "CH-1", "99.00", "129.00"),
        ("woocommerce.csv", "HOODIE-B", "35", "45"),
        ("magento.csv", "WH-S", "40", "52"),
        ("own.csv", "A-1", "999.00", "1299.00"),
    ],
)
def test_a_sale_price_counts_while_the_sale_is_on(
    name: str, sku: str, sale: str, regular: str
) -> None:
    assert read_sample(name)[sku]["price"] == Decimal(sale)
    over = read_sample(name, now=LATER)[sku]
    assert over["price"] == Decimal(regular)
    assert "regular_price" not in over


def test_a_table_with_the_names_of_the_fields() -> None:
    chair, other = read_sample("own.csv").values()

    assert (chair["title"], chair["category"]) == ("Stuhl", "Möbel > Stühle")
    assert (chair["images"], chair["keywords"]) == (["a.jpg", "b.jpg"], ["holz", "sitz"])
    assert (chair["currency"], chair["in_stock"]) == ("EUR", True)
    assert (chair["group"], chair["options"], chair["Material"]) == ("A", {"Size": "M"}, "Eiche")
    assert (other["title"], other["description"], other["Material"]) == ("'=1+1", "@SUM(A1)", "+49")


def test_a_mapping_file_names_the_columns_of_a_table() -> None:
    mapping = read_mapping(SAMPLES / "mapping.json")

    ((table,), refused) = read(SAMPLES / "mapped.csv", mapping=mapping)

    assert refused == {}
    assert table == {
        "sku": "100",
        "title": "Tisch",
        "category": "Möbel > Tische › groß",
        "price": Decimal("1299.90"),
        "currency": "CHF",
        "images": ["t1.jpg", "t2.jpg"],
        "options": {"Size": "L"},
        "material": "Eiche",
    }


def test_a_table_without_known_columns_says_what_to_do() -> None:
    with pytest.raises(ImportFailed, match=r"mapping .* Artikelnummer, Bezeichnung"):
        open_feed(SAMPLES / "mapped.csv")


def test_a_feed_says_what_it_understands_and_what_it_ignores() -> None:
    feed = open_sample("google.rss.xml")
    list(feed.rows())

    assert feed.understood["product_type"] == "category"
    assert feed.ignored == ["shipping"]
    assert open_sample("shopify.csv").ignored == ["Gift Card"]
