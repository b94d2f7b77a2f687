"""A product as a file or an API call brings it, checked before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.models.attributes import describe_problem, is_unicode
from catalog.models.product import MAX_DESCRIPTION_LENGTH

_TEXTS = {
    "title": 500,
    "title_ru": 500,
    "brand": 200,
    "url": 1000,
    "description": MAX_DESCRIPTION_LENGTH,
}
_KNOWN = {*_TEXTS, "sku", "category", "category_ru", "keywords", "price", "currency", "in_stock"}
_KNOWN |= {"popularity", "images", "is_visible"}
_MOST_KEYWORDS = 200  # the search document of a product has a size limit
_MOST_IMAGES = 100


class RecordError(ValueError):
    """What is wrong with one product, as a sentence."""


@dataclass(frozen=True)
class ProductRecord:
    """One product. `category` is a path from the root, in English and in Russian; `images` are
    paths relative to the file; None means "not given: leave the photos as they are"."""

    sku: str
    fields: dict[str, Any]
    category: tuple[str, ...] = ()
    category_ru: tuple[str, ...] = ()
    images: tuple[str, ...] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def read_record(raw: Any) -> ProductRecord:
    """Checks one decoded object. Keys it does not know become attributes. Raises RecordError."""
    if not isinstance(raw, Mapping):
        raise RecordError("a product must be a JSON object")
    sku = _text(raw, "sku", 200)
    if not sku:
        raise RecordError("sku is missing")
    fields: dict[str, Any] = {name: _text(raw, name, size) for name, size in _TEXTS.items()}
    fields["keywords"] = _keywords(raw)
    fields["url"] = _web_address(fields["url"])
    fields["price"] = _price(raw.get("price"))
    fields["currency"] = _currency(raw)
    fields["in_stock"] = _bool(raw, "in_stock")
    fields["is_visible"] = _bool(raw, "is_visible")
    fields["popularity"] = _count(raw, "popularity")
    return ProductRecord(
        sku,
        fields,
        _category(raw, "category"),
        _category(raw, "category_ru"),
        _images(raw),
        _attributes({str(key): value for key, value in raw.items() if key not in _KNOWN}),
    )


def _text(raw: Mapping, name: str, longest: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RecordError(f"{name} must be text")
    text = str(value).strip()
    if len(text) > longest:
        raise RecordError(f"{name} has {len(text)} characters; {longest} is the most")
    if "\0" in text:
        raise RecordError(f"{name} contains a NUL character")
    if not is_unicode(text):
        raise RecordError(f"{name} contains half of a surrogate pair, which is no character")
    return text


def _list(raw: Mapping, name: str, most: int) -> list[Any]:
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(f"{name} must be a list")
    if len(value) > most:
        raise RecordError(f"{name} has {len(value)} entries; {most} is the most")
    return value


def _keywords(raw: Mapping) -> list[str]:
    words = [
        _text({"keyword": word}, "keyword", 100) for word in _list(raw, "keywords", _MOST_KEYWORDS)
    ]
    return [word for word in words if word]


def _images(raw: Mapping) -> tuple[str, ...] | None:
    if raw.get("images") is None:
        return None
    return tuple(_path(path) for path in _list(raw, "images", _MOST_IMAGES))


def _path(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value or not is_unicode(value):
        raise RecordError("images must be a list of file paths")
    return value


def _web_address(url: str) -> str:
    """Shown as a link, so a scheme such as javascript: must not come in."""
    if url and not url.lower().startswith(("http://", "https://")):
        raise RecordError("url must start with http:// or https://")
    return url


def _price(value: Any) -> Decimal:
    try:
        price = Decimal("0" if value is None else str(value))
    except InvalidOperation as error:
        raise RecordError(f"price {value!r} is not a number") from error
    if price.is_nan():
        raise RecordError(f"price {value!r} is not a number")
    if not 0 <= price < 10**10 or (cents := price.quantize(Decimal("0.01"))) == 10**10:
        raise RecordError(f"price {value} must be 0 or more and below ten billion")
    return cents


def _currency(raw: Mapping) -> str:
    code = _text(raw, "currency", 3).upper() or "EUR"
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise RecordError(f"currency {code!r} must be a code of three letters, such as EUR")
    return code


def _bool(raw: Mapping, name: str) -> bool:
    value = True if raw.get(name) is None else raw[name]
    if not isinstance(value, bool):
        raise RecordError(f"{name} must be true or false")
    return value


def _count(raw: Mapping, name: str) -> int:
    value = 0 if raw.get(name) is None else raw[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise RecordError(f"{name} must be a whole number from 0 to 2147483647")
    return value


def _category(raw: Mapping, name: str) -> tuple[str, ...]:
    path = _text(raw, name, 1000)
    return tuple(part.strip()[:200] for part in path.split(">") if part.strip())


def _attributes(extra: dict[str, Any]) -> dict[str, Any]:
    """`extra` as it is, if the database can keep it and pages can show it."""
    if problem := describe_problem(extra):
        raise RecordError(f"the other fields {problem}")
    return extra
