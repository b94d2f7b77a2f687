"""Merges the rows of a product into the product and its variants. Pure functions, except that they
call `FindImage`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from catalog.importing.photos.photo_files import PhotoFile
from catalog.importing.records import (
    DEFAULT_CURRENCY,
    REGULAR_PRICE,
    ProductRecord,
    RecordError,
)
from catalog.importing.rows.row_groups import ProductRows, Row

MAX_VARIANTS = 2_500  # of a product
MAX_PHOTOS = 10_000  # of a product


Image = PhotoFile | str
"""A photo in the storage, or the address of one that is fetched later."""

FindImage = Callable[[str], Image]
"""Finds the image that a row names, and stores it if it is a file. Raises RecordError if it cannot
be read."""


@dataclass(frozen=True)
class MergedVariant:
    """A variant. `photos` are the positions of its photos among those of its product; None leaves
    them as they are. `given`: as in ProductRecord."""

    sku: str
    options: dict[str, str]
    price: Decimal
    in_stock: bool
    url: str
    photos: list[int] | None
    given: frozenset[str] | None = None

    def gives(self, field: str) -> bool:
        """Whether its row says what this field is."""
        return self.given is None or field in self.given


@dataclass(frozen=True)
class MergedProduct:
    """A product. `record` gives its category and attributes, `fields` its other values. `photos`
    are different from each other; None leaves the product's photos as they are. The variants are in
    the order of the file. `is_whole`: variants that are not among `variants` do not exist any
    more. `given`: as in ProductRecord; empty if only variants of a partial feed are given."""

    sku: str
    record: ProductRecord
    fields: dict[str, Any]
    photos: list[Image] | None
    variants: list[MergedVariant]
    is_whole: bool = True
    given: frozenset[str] | None = None

    def gives(self, field: str) -> bool:
        """Whether the rows say what this field of the product is."""
        return self.given is None or field in self.given


@dataclass
class _Rows:
    """The rows of a product that are not refused: `head` describes the product itself, `variants`
    are by sku."""

    head: Row | None = None
    variants: dict[str, Row] = field(default_factory=dict)
    images: dict[int, list[Image] | None] = field(default_factory=dict)  # by line

    @property
    def all(self) -> list[Row]:
        return ([self.head] if self.head else []) + list(self.variants.values())


def merge_rows(
    product: ProductRows,
    find_image: FindImage,
    errors: dict[int, str],
    left_out: dict[int, str] | None = None,
) -> MergedProduct | None:
    """Merges the rows of a product, and finds their images. Of rows with one sku, the last one
    counts. Adds a sentence to `errors`, by line, for each row that is refused, and leaves it out.
    With `left_out`, a row whose image cannot be read is not refused: the image is left out, and
    `left_out` says so by line. Returns None if nothing is left, or if the row that describes the
    product itself is refused."""
    rows, before = _last_of_each_sku(product), len(errors)
    if len(rows.variants) > MAX_VARIANTS:
        _refuse(rows, errors, f"group {product.sku!r} has more than {MAX_VARIANTS} variants")
        return None
    _find_images(rows, find_image, errors, left_out)
    line = product.refused_head
    if rows.head and rows.head.line in errors:
        line = rows.head.line
    if line is not None:
        others = _Rows(variants=rows.variants)
        _refuse(others, errors, f"line {line}, which describes its product, is refused")
        return None
    _leave_out_refused(rows, errors)
    _check_currencies(rows, errors)
    _leave_out_refused(rows, errors)
    if not rows.all:
        return None
    merged = _merge(product.sku, rows, product.is_whole and len(errors) == before)
    if len(merged.photos or ()) > MAX_PHOTOS:
        _refuse(rows, errors, f"group {product.sku!r} has more than {MAX_PHOTOS} photos")
        return None
    return merged


def _last_of_each_sku(product: ProductRows) -> _Rows:
    rows = _Rows()
    for row in product.rows:
        if row.record.is_variant:
            rows.variants[row.record.sku] = row
        else:
            rows.head = row
    return rows


def _find_images(
    rows: _Rows, find_image: FindImage, errors: dict[int, str], left_out: dict[int, str] | None
) -> None:
    for row in rows.all:
        names = row.record.images
        found: list[Image] = []
        for name in names or ():
            try:
                found.append(find_image(name))
            except RecordError as error:
                noted = errors if left_out is None else left_out
                noted.setdefault(row.line, str(error))
        # A product whose images are all left out keeps its photos.
        rows.images[row.line] = None if names is None or (names and not found) else found


def _check_currencies(rows: _Rows, errors: dict[int, str]) -> None:
    """Refuses variants whose currency is not that of the product."""
    currency = _currency(rows)
    for row in rows.variants.values():
        given = row.record.fields["currency"] or currency
        if given != currency:
            errors[row.line] = f"currency {given} is not that of its product, {currency}"


def _currency(rows: _Rows) -> str:
    given = (row.record.fields["currency"] for row in rows.all)
    return next(filter(None, given), DEFAULT_CURRENCY)


def _leave_out_refused(rows: _Rows, errors: dict[int, str]) -> None:
    rows.variants = {sku: row for sku, row in rows.variants.items() if row.line not in errors}


def _refuse(rows: _Rows, errors: dict[int, str], sentence: str) -> None:
    for row in rows.all:
        errors.setdefault(row.line, sentence)


def _merge(sku: str, rows: _Rows, is_whole: bool) -> MergedProduct:
    """Hidden rows are no variants, unless all rows are hidden: then the product is."""
    record = rows.all[0].record
    visible = [row for row in rows.variants.values() if row.record.fields["is_visible"]]
    fields = {**record.fields, "currency": _currency(rows)}
    head_is_visible = record.fields["is_visible"] if rows.head else True
    fields["is_visible"] = head_is_visible and bool(visible or not rows.variants)
    fields["price"] = price = record.fields["price"] or Decimal(0)
    given = [rows.images[row.line] for row in rows.all]
    photos = {_key(image): image for images in given for image in images or ()}
    places = {key: position for position, key in enumerate(photos)}
    has_photos = any(images is not None for images in given)
    head_price = price if rows.head else Decimal(0)
    variants = []
    for row in visible or rows.variants.values():
        shown = dict.fromkeys(places[_key(image)] for image in rows.images[row.line] or ())
        variants.append(_merge_variant(row, head_price, list(shown) if has_photos else None))
    images = list(photos.values()) if has_photos else None
    if rows.variants and record.given is None:
        record = replace(record, attributes=_attributes(rows, variants))
    is_of_variants = record.given is not None and not rows.head
    fields_given = frozenset[str]() if is_of_variants else record.given
    return MergedProduct(sku, record, fields, images, variants, is_whole, fields_given)


def _attributes(rows: _Rows, variants: list[MergedVariant]) -> dict[str, Any]:
    """Returns the attributes of the product and of its variants. Different values of one are a
    list. The price before a discount is that of the variant that gives the product its price."""
    found: dict[str, list[Any]] = {}
    lists: set[str] = set()
    for row in rows.all:
        for name, value in row.record.attributes.items():
            is_list = isinstance(value, list)
            lists |= {name} if is_list else set()
            values = found.setdefault(name, [])
            values += [one for one in (value if is_list else [value]) if one not in values]
    attributes = {n: v if n in lists or len(v) > 1 else v[0] for n, v in found.items()}
    attributes.pop(REGULAR_PRICE, None)
    cheapest = min(variants, key=lambda variant: (not variant.in_stock, variant.price))
    regular = rows.variants[cheapest.sku].record.attributes.get(REGULAR_PRICE)
    return attributes if regular is None else attributes | {REGULAR_PRICE: regular}


def _merge_variant(row: Row, head_price: Decimal, photos: list[int] | None) -> MergedVariant:
    fields = row.record.fields
    return MergedVariant(
        sku=row.record.sku,
        options=row.record.options,
        price=head_price if fields["price"] is None else fields["price"],
        in_stock=fields["in_stock"],
        url=fields["url"],
        photos=photos,
        given=row.record.given,
    )


def _key(image: Image) -> str:
    """Returns what equal images have in common. Photos of several addresses may turn out to be
    equal when they are fetched."""
    return image if isinstance(image, str) else image.content_hash
