"""Reads products as files and API calls describe them, and checks every field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.importing.image_names import ImageNameError, check_image_name
from catalog.models.attributes import describe_problem, is_unicode
from catalog.models.product import MAX_DESCRIPTION_LENGTH

DEFAULT_CURRENCY = "EUR"
REGULAR_PRICE = "regular_price"  # the attribute that keeps the price before a discount
OTHER_CATEGORIES = "other_categories"  # the attribute with the paths beside that of the category
_MAX_TEXT_LENGTHS = {
    "title": 500,
    "title_ru": 500,
    "brand": 200,
    "url": 1000,
    "description": MAX_DESCRIPTION_LENGTH,
}
_KNOWN_FIELDS = {
    *_MAX_TEXT_LENGTHS,
    *("sku", "category", "category_ru", "keywords", "price", "currency", "in_stock"),
    *("popularity", "images", "is_visible", "group", "options", "is_group"),
}
_MAX_KEYWORDS = 200  # PostgreSQL limits the size of a product's search document
_MAX_IMAGES = 100
_MAX_OPTIONS = 20


class RecordError(ValueError):
    """A product is refused. The message says why. `sku` is that of its row, or "" if the reader
    cannot tell it."""

    sku = ""


@dataclass(frozen=True)
class ProductRecord:
    """One row: a product, or a variant of one. `category` and `category_ru` hold the names on the
    path from the root category. `images` are paths relative to the file, or normalised web
    addresses; None leaves the product's photos as they are.

    `group` is the sku of the product that a variant belongs to, or "". With `is_group`, the row
    describes the product of that sku itself. `options` are those of a variant. Rows of a group may
    leave out the price (None) and the currency ("").

    `given`: the fields that the row of a partial feed has; those that it leaves out stay as they
    are. None: the row describes the whole product."""

    sku: str
    fields: dict[str, Any]
    category: tuple[str, ...] = ()
    category_ru: tuple[str, ...] = ()
    images: tuple[str, ...] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    options: dict[str, str] = field(default_factory=dict)
    is_group: bool = False
    given: frozenset[str] | None = None

    def gives(self, field: str) -> bool:
        """Whether the row says what this field is."""
        return self.given is None or field in self.given

    @property
    def product_sku(self) -> str:
        """The sku of the product that the row describes, wholly or by a variant."""
        return self.group or self.sku

    @property
    def is_variant(self) -> bool:
        """Whether the row describes a variant. A row with options but without a group is the only
        variant of its product."""
        return not self.is_group and bool(self.group or self.options)


def read_record(raw: Any, *, is_partial: bool = False) -> ProductRecord:
    """Checks one decoded object. Unknown keys become attributes. In a partial feed, fields that the
    object leaves out are not given. Raises RecordError."""
    if not isinstance(raw, Mapping):
        raise RecordError("a product must be a JSON object")
    group, is_group = _read_text(raw, "group", 200), _read_bool(raw, "is_group", default=False)
    sku = _read_text(raw, "sku", 200) or (group if is_group else "")
    if not sku:
        raise RecordError("sku is missing")
    options = _read_options(raw)
    is_grouped = bool(group or options or is_group)
    fields: dict[str, Any] = {
        name: _read_text(raw, name, size) for name, size in _MAX_TEXT_LENGTHS.items()
    }
    fields["keywords"] = _read_keywords(raw)
    fields["url"] = _check_web_address(fields["url"])
    price = raw.get("price")
    fields["price"] = None if is_grouped and price is None else _read_price(price)
    fields["currency"] = _read_currency(raw, default="" if is_grouped else DEFAULT_CURRENCY)
    fields["in_stock"] = _read_bool(raw, "in_stock")
    fields["is_visible"] = _read_bool(raw, "is_visible")
    fields["popularity"] = _read_count(raw, "popularity")
    return ProductRecord(
        sku,
        fields,
        _read_category(raw, "category"),
        _read_category(raw, "category_ru"),
        _read_images(raw),
        _check_attributes(
            {str(key): value for key, value in raw.items() if key not in _KNOWN_FIELDS}
        ),
        group,
        options,
        is_group,
        frozenset(name for name, value in raw.items() if value is not None) if is_partial else None,
    )


def _read_text(raw: Mapping, name: str, max_length: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RecordError(f"{name} must be text")
    text = str(value).strip()
    if len(text) > max_length:
        raise RecordError(f"{name} has {len(text)} characters; at most {max_length} are allowed")
    if "\0" in text:
        raise RecordError(f"{name} contains a NUL character")
    if not is_unicode(text):
        raise RecordError(f"{name} contains half of a surrogate pair, which is not a character")
    return text


def _read_list(raw: Mapping, name: str, max_entries: int) -> list[Any]:
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(f"{name} must be a list")
    if len(value) > max_entries:
        raise RecordError(f"{name} has {len(value)} entries; at most {max_entries} are allowed")
    return value


def _read_keywords(raw: Mapping) -> list[str]:
    words = [
        _read_text({"keyword": word}, "keyword", 100)
        for word in _read_list(raw, "keywords", _MAX_KEYWORDS)
    ]
    return [word for word in words if word]


def _read_images(raw: Mapping) -> tuple[str, ...] | None:
    if raw.get("images") is None:
        return None
    try:
        return tuple(check_image_name(name) for name in _read_list(raw, "images", _MAX_IMAGES))
    except ImageNameError as error:
        raise RecordError(str(error)) from error


def _check_web_address(url: str) -> str:
    """Refuses schemes such as javascript:, because pages link to the address."""
    if url and not url.lower().startswith(("http://", "https://")):
        raise RecordError("url must start with http:// or https://")
    return url


def _read_price(value: Any) -> Decimal:
    try:
        price = Decimal("0" if value is None else str(value))
    except InvalidOperation as error:
        raise RecordError(f"price {value!r} is not a number") from error
    if price.is_nan():
        raise RecordError(f"price {value!r} is not a number")
    if not 0 <= price < 10**10 or (cents := price.quantize(Decimal("0.01"))) == 10**10:
        raise RecordError(f"price {value} must be at least 0 and less than ten billion")
    return cents


def _read_currency(raw: Mapping, default: str) -> str:
    code = _read_text(raw, "currency", 3).upper()
    if code and (len(code) != 3 or not (code.isascii() and code.isalpha())):
        raise RecordError(f"currency {code!r} must be a three-letter code such as EUR")
    return code or default


def _read_options(raw: Mapping) -> dict[str, str]:
    """Returns the options that have a value. Filters write an option as `name:value`, so colons in
    names become spaces."""
    given = raw.get("options")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RecordError('options must be an object such as {"size": "M"}')
    if len(given) > _MAX_OPTIONS:
        raise RecordError(f"options has {len(given)} entries; at most {_MAX_OPTIONS} are allowed")
    options = {}
    for name, value in given.items():
        name = _read_text({"the name of an option": name}, "the name of an option", 100)
        value = _read_text({f"option {name}": value}, f"option {name}", 200)
        if (name := " ".join(name.replace(":", " ").split())) and value:
            options[name] = value
    return options


def _read_bool(raw: Mapping, name: str, default: bool = True) -> bool:
    value = default if raw.get(name) is None else raw[name]
    if not isinstance(value, bool):
        raise RecordError(f"{name} must be true or false")
    return value


def _read_count(raw: Mapping, name: str) -> int:
    value = 0 if raw.get(name) is None else raw[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise RecordError(f"{name} must be a whole number from 0 to 2147483647")
    return value


def _read_category(raw: Mapping, name: str) -> tuple[str, ...]:
    path = _read_text(raw, name, 1000)
    return tuple(part.strip()[:200] for part in path.split(">") if part.strip())


def _check_attributes(extra: dict[str, Any]) -> dict[str, Any]:
    """Returns `extra` unchanged if the database can store it and pages can show it."""
    if problem := describe_problem(extra):
        raise RecordError(f"the other fields {problem}")
    return extra
