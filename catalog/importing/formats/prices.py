"""Reads prices as shops write them, and tells whether a sale is on."""

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from catalog.importing.records import RecordError

_CURRENCIES = {
    **{"€": "EUR", "$": "USD", "us$": "USD", "£": "GBP", "¥": "JPY", "₴": "UAH", "₸": "KZT"},
    **{"₽": "RUB", "р": "RUB", "руб": "RUB", "рублей": "RUB", "rur": "RUB", "zł": "PLN"},
    **{"kč": "CZK", "₺": "TRY", "₹": "INR", "₪": "ILS", "грн": "UAH", "тг": "KZT", "byr": "BYN"},
}
_PARTS = re.compile(r"([^\d-]*)(-?\s*\d(?:[\d.,'’\s]*\d)?)[.,]?-?(.*)", re.DOTALL)
_FILLING = re.compile(r"['’\s]")
_MARKS = re.compile(r"[.,]")
_PLAIN_NUMBER = re.compile(r"\d+(?:\.\d{1,2})?")


class Price(NamedTuple):
    """An amount of money. `currency` is a three-letter code, or "" if the text names none."""

    amount: Decimal
    currency: str = ""


def read_price(text: str, decimal_mark: str = "") -> Price | None:
    """Reads a price such as `1.299,00 €`, `19.99 USD` or `1 299 ₽`, and returns None for a blank
    text. `decimal_mark`, "." or ",", decides on texts such as `1.299`; without it, that is a little
    more than 1, and `1,299` is more than a thousand. Raises RecordError if the text is no price."""
    text = text.strip()
    if _PLAIN_NUMBER.fullmatch(text):
        return Price(Decimal(text))
    if not text:
        return None
    parts = _PARTS.fullmatch(text)
    codes = {_read_currency(part) for part in (parts[1], parts[3])} - {""} if parts else {None}
    if parts is None or None in codes or len(codes) > 1:
        raise RecordError(f"price {text[:50]!r} is not an amount with a currency that is known")
    return Price(_read_number(parts[2], decimal_mark), next(iter(codes), "") or "")


def find_decimal_mark(texts: Iterable[str]) -> str:
    """Returns the decimal mark of a column of prices, "." or ",", or "" if nothing tells it."""
    decisive = {".": 0, ",": 0}
    undecided = {".": 0, ",": 0}
    whole = 0
    for text in texts:
        parts = _PARTS.fullmatch(text.strip())
        number = _FILLING.sub("", parts[2]) if parts else ""
        marks = _MARKS.findall(number)
        if not marks:
            whole += bool(number.strip("0"))
        elif len(set(marks)) == 1 and len(re.split("[.,]", number)[-1]) == 3:
            # Several marks of one kind stand between thousands: the other one is decimal.
            undecided[marks[0]] += 1
            decisive["," if marks[0] == "." else "."] += len(marks) > 1
        else:
            decisive[marks[-1]] += 1
    if decisive["."] != decisive[","]:
        return max(decisive, key=decisive.__getitem__)
    # "1.299" beside "899": a shop that writes cents would write them in both.
    return "," if undecided["."] and whole else ""


def choose_price(
    regular: Price | None,
    sale: Price | None,
    now: datetime,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> Price | None:
    """Returns the sale price while the sale is on, and the regular price otherwise. A sale without
    a begin or an end is on without that limit. A sale price of 0 is no sale."""
    is_on = (begins is None or begins <= now) and (ends is None or now < ends)
    return sale if sale is not None and sale.amount > 0 and is_on else regular


def read_date(text: str, is_end: bool = False) -> datetime | None:
    """Reads a date with or without a time: ISO 8601, `31.12.2026`, or `12/31/26` as Magento writes
    it. Dates without a zone are in the zone of the settings. A date without a time means the
    beginning of the day, or with `is_end` the end of it. Returns None for a blank text. Raises
    RecordError."""
    text = text.strip()
    if not text:
        return None
    try:
        moment = parse_datetime(text) if len(text) > 10 else None
        if moment is None:
            day = parse_date(text)
            parsed = datetime.combine(day, time()) if day else _read_local_date(text)
            is_whole_day = day is not None or parsed.time() == time()
            moment = parsed + timedelta(days=1) if is_end and is_whole_day else parsed
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except (ValueError, OverflowError) as error:
        raise RecordError(f"date {text[:50]!r} cannot be read") from error


def read_period(text: str) -> tuple[datetime | None, datetime | None]:
    """Reads the begin and the end of a sale, two dates with a slash between them, as Google writes
    them. Raises RecordError."""
    begins, slash, ends = text.partition("/")
    if text.strip() and not slash:
        raise RecordError(f"period {text[:50]!r} must be two dates with a slash between them")
    return read_date(begins), read_date(ends, is_end=True)


def _read_local_date(text: str) -> datetime:
    for pattern in ("%d.%m.%Y", "%d.%m.%y", "%d.%m.%Y %H:%M", "%m/%d/%y", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return datetime.strptime(text, "%m/%d/%y, %I:%M %p")


@lru_cache(1_024)
def _read_currency(text: str) -> str | None:
    """Returns the code of a currency, "" for a blank text, or None."""
    name = text.strip().rstrip(".").strip().lower()
    if not name:
        return ""
    if name in _CURRENCIES:
        return _CURRENCIES[name]
    return name.upper() if len(name) == 3 and name.isascii() and name.isalpha() else None


def _read_number(text: str, decimal_mark: str) -> Decimal:
    number = _FILLING.sub("", text)
    marks = _MARKS.findall(number)
    if not marks:
        return Decimal(number)
    last = marks[-1]
    whole, _, fraction = number.rpartition(last)
    if len(marks) > 1:
        is_decimal = len(set(marks)) > 1
    elif len(fraction) == 3:
        is_decimal = last == (decimal_mark or ".") or whole in ("0", "-0")
    else:
        is_decimal = True
    digits = _MARKS.sub("", whole)
    return Decimal(f"{digits}.{fraction}" if is_decimal else f"{digits}{fraction}")
