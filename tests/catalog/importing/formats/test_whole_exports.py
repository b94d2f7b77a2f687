"""Exports with all the columns that shops write, and with what they write into them: nothing that
describes a product is lost."""

from typing import Any

import pytest

from catalog.importing.records import RecordError
from tests.catalog.importing.feeds import EXPORTED, WriteFeed, open_sample, read


def read_export(name: str) -> dict[str, dict[str, Any]]:
    """Returns the good rows of an export by their skus, without prices as Decimal."""
    rows = [row for _, row in open_sample(f"exports/{name}", EXPORTED).rows()]
    good = [row for row in rows if not isinstance(row, RecordError)]
    return {row.get("sku", ""): row | {"price": str(row.get("price", ""))} for row in good}


def names(images: list[str]) -> list[str]:
    return [image.rpartition("/")[2] for image in images]


def test_a_woocommerce_group() -> None:
    shirt = read_export("woocommerce.csv")["woo-vneck-tee"]

    assert names(shirt.pop("images")) == [
        *("vneck-tee-2.jpg", "vnech-tee-green-1.jpg", "vnech-tee-blue-1.jpg"),
    ]
    assert shirt == {
        "Color": ["Blue", "Green", "Red"],
        "Size": ["Large", "Medium", "Small"],
        **{"weight (kg)": ".5", "length (cm)": "24", "width (cm)": "1", "height (cm)": "2"},
        **{"gtin": "4006381333931", "sku": "woo-vneck-tee", "title": "V-Neck T-Shirt"},
        "description": "This is a variable product.\nPellentesque habitant.\n"
        "Path C:\\new — “quotes”",
        **{"brand": "Nordwood", "category": "Clothing > Tshirts"},
        "other_categories": ["Home & Garden", "Sale, 50 % off"],
        **{"keywords": ["cotton", "summer"], "in_stock": True, "is_visible": True},
        **{"group": "woo-vneck-tee", "is_group": True, "price": ""},
    }


def test_woocommerce_variations_and_other_products() -> None:
    rows = read_export("woocommerce.csv")

    red, green = rows["woo-vneck-tee-red"], rows["id:46"]
    assert (red["group"], red["options"], red["price"]) == (
        *("woo-vneck-tee", {"Color": "Red"}, "20"),
    )
    # Its parent is named by ID, although it has an SKU; a sale is on until the end of the day.
    assert (green["group"], green["price"], green["regular_price"]) == (
        *("woo-vneck-tee", "15.5", "20.00"),
    )
    assert (red["in_stock"], green["in_stock"], green["gtin"]) == (True, False, "222")
    assert rows["id:52"]["options"] == {"Size": "M, wide"}
    assert "options" not in rows["x-53"]
    assert rows["x-53"]["group"] == "id:51"
    assert {sku for sku, row in rows.items() if not row["is_visible"]} == {"id:47", "+49-1"}
    assert rows["+49-1"]["title"] == "=cmd|' /C calc'!A0"
    assert rows["id:47"]["title"] == 'Beanie "with" logo, 5"'
    assert (rows["WP-pennant"]["url"], rows["WP-pennant"]["price"]) == (
        *("https://shop.example/pennant", "11.05"),
    )


def test_magento_products() -> None:
    rows = read_export("magento.csv")

    assert rows["24-MB01"] == {
        **{"activity": ["Gym", "Yoga", "Hiking"], "material": ["Nylon", "Polyester"]},
        "features_bags": ["Audio Pocket", "Waterproof", "Lightweight"],
        "strap_bags": ["Adjustable", "Cross Body", "Double", "Padded", "Shoulder", "Single"],
        **{"style_bags": "Duffel", "weight": "1.0000", "country_of_manufacture": "China"},
        "other_categories": ["Collections > New Luma Yoga Collection"],
        **{"sku": "24-MB01", "title": "Joust Duffle Bag", "category": "Gear > Bags"},
        "description": "The sporty Joust Duffle Bag can't be beat - not in the gym, not on the"
        ' luggage carousel.\nDual top handles.\n2" straps',
        **{"keywords": ["bag", "duffle"], "images": ["m/b/mb01-blue-0.jpg"]},
        **{"in_stock": True, "is_visible": True, "price": "28.500000", "regular_price": "34.00"},
    }
    games = rows["00123"]
    assert (games["category"], games["price"], games["is_visible"]) == (
        *("Toys, games & more > A/B testing", "1299.00", False),
    )


def test_a_magento_group() -> None:
    rows = read_export("magento.csv")

    assert rows["MH01"]["brand"] == 'Nord "wood", Inc.'
    assert rows["MH01"]["other_categories"] == ["Collections > Eco Friendly"]
    assert rows["MH01-XS-Orange, bright"]["options"] == {"Size": "XS", "Color": "Orange, bright"}
    assert rows["MH01-S-Black"]["group"] == "MH01"
    assert rows["MH01-S-Black"]["material"] == ["LumaTech™", "Fleece"]
    assert "has_options" not in rows["MH01"]


@pytest.mark.parametrize(
    ("stock", "expected"),
    [
        ("0,0,1", False),  # the shop's setting counts, which the file does not have
        ("0,0,0", True),  # stock of this product is not managed
        ("0,1,0", False),
        ("1,1,1", True),
    ],
)
def test_magento_says_whether_stock_is_managed_in_two_columns(
    write_feed: WriteFeed, stock: str, expected: bool
) -> None:
    header = "sku,product_type,attribute_set_code,is_in_stock,manage_stock,use_config_manage_stock"
    path = write_feed(f"{header}\nA,simple,Top,{stock}\n")

    (row,) = read(path)[0]

    assert row["in_stock"] is expected


def test_magento_attributes_may_be_enclosed(write_feed: WriteFeed) -> None:
    described = 'note="a ""b"", c=d",activity="Gym"|"Yoga, hot",plain=1,2,last="x"'
    cell = described.replace('"', '""')
    path = write_feed(
        f'sku,product_type,attribute_set_code,additional_attributes\nA,simple,Top,"{cell}"\n',
    )

    (row,) = read(path)[0]

    assert row["note"] == 'a "b", c=d'
    assert row["activity"] == ["Gym", "Yoga, hot"]
    assert (row["plain"], row["last"]) == ("1,2", "x")


def test_googles_elements_count_before_those_of_atom() -> None:
    player = read_export("google.atom.xml")["TV_123456"]

    assert player == {
        **{"Product Type": "Digital player", "Box: Product Type": "Carton"},
        **{"gtin": "123456789123", "mpn": "G1", "condition": "new", "brand": "Google"},
        "product_highlight": ["Fast", "Small"],
        "google_product_category": "Electronics > Video > Video Accessories > Remote Controls",
        **{"category": "Home > TV", "other_categories": ["Gifts"], "sku": "TV_123456"},
        "title": "Google Chromecast with Google TV",
        "description": "Chromecast with Google TV brings you the entertainment.",
        "url": "https://store.example/chromecast",
        "images": ["https://images.example/TV_123456.png"],
        **{"in_stock": False, "price": "39.99", "regular_price": "49.99", "currency": "USD"},
    }


def test_a_structured_title_of_google_is_a_title() -> None:
    shoes = read_export("google.atom.xml")["AI1"]

    assert (shoes["title"], shoes["description"]) == (
        *("Stride & Conquer: Shoes", "Generated description"),
    )
    # The group has the id of one of its items.
    assert (shoes["group"], shoes["options"]) == ("AI1", {"Color": "Red/Blue", "Size": "42"})


def test_details_in_a_table_of_google() -> None:
    polo = read_export("google.tsv")["0001"]

    assert (polo["Digital player type"], polo["Number of drives"]) == ("Flash memory", "8")
    assert (polo["sku"], polo["gtin"], polo["price"]) == ("0001", "03234567890126", "999.00")
    assert polo["options"] == {"Color": "Black", "Size": "M", "Material": "Leather"}
    assert names(polo["images"]) == ["1.jpg", "1a.jpg", "1b.jpg"]


def test_a_shopify_group() -> None:
    rows = read_export("shopify.csv")

    # Photos stand in the order of their positions, that of the variant first.
    assert names(rows["AT-1"].pop("images")) == ["v1.jpg", "b.jpg", "a.jpg?v=1&width=10"]
    assert rows["AT-1"] == {
        **{"Color": "red; blue", "type": "Shirts", "gender": "Unisex", "age_group": "Adult"},
        **{"google_product_category": "212", "mpn": "MPN1", "condition": "New"},
        **{"weight (g)": "250", "barcode": "00123", "sku": "AT-1", "group": "awesome-tshirt"},
        **{"title": "Awesome T-Shirt – “édition”", "description": "100% cotton"},
        **{"brand": "Nord & Wood", "category": "Apparel & Accessories > Clothing"},
        **{"keywords": ["summer", '"big', 'bold"', "new"], "in_stock": False},
        "options": {"Color": 'Lithograph - Height: 9" x Width: 12"', "Size": "1/2"},
        **{"is_visible": True, "price": "1000.50", "regular_price": "1200.00", "currency": "USD"},
    }
    assert (rows["AT-2"]["in_stock"], rows["AT-2"]["weight (g)"]) == (True, "300")
    assert {sku for sku, row in rows.items() if not row["is_visible"]} == {
        *("gift-card-$10", "gift-card-$25", "only-m-M"),  # unlisted, not published
    }


def test_yandex_offers() -> None:
    rows = read_export("yml.xml")

    assert len(rows["9012"].pop("images")) == 2
    assert rows["9012"] == {
        **{"Цвет": ["белый", "синий"], "Мощность": "1200 Вт", "vendor_code": "A1234567B"},
        **{"sales_notes": "Необходима предоплата.", "country_of_origin": "Китай"},
        **{"barcode": ["4601546021298", "4601546021299"], "weight": "3.6", "brand": "Brand"},
        **{"dimensions": "20.1/20.551/22.5", "yml_category_id": "101", "sku": "9012"},
        "description": "Мороженица\nЭто «прибор»\nдля дома",
        "category": "Бытовая техника > Мелкая техника для кухни / дом > Сэндвичницы › 2 кВт",
        "url": "http://shop.example/product_page.asp?pid=12345&utm_source=market",
        **{"in_stock": True, "is_visible": True, "price": "8990", "regular_price": "9990.00"},
        **{"currency": "RUB", "title_ru": "Мороженица Brand 3811"},
    }
    assert rows["v1"]["title_ru"] == "Принтер НP Deskjet D2663"


def test_yandex_books_and_music() -> None:
    rows = read_export("yml.xml")

    book, record = rows["b1"], rows["a1"]
    assert (book["title_ru"], book["author"], book["ISBN"]) == (
        *("Война и мир", "Толстой Л. Н.", "978-5-17"),
    )
    assert (record["title"], record["artist"], record["media"]) == (
        *("Dark Side of the Moon, Platinum Disc", "Pink Floyd", "CD"),
    )
    # Its category and another name each other as parents.
    assert book["category"] == "Цикл Б > Цикл А"
