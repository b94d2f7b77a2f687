"""Prices and dates as shops write them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.importing.formats.prices import (
    Price,
    choose_price,
    find_decimal_mark,
    read_date,
    read_period,
    read_price,
)
from catalog.importing.records import RecordError

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("249.90", "249.90", ""),
        ("1.299,00 €", "1299.00", "EUR"),
        ("19.99 USD", "19.99", "USD"),
        ("USD 19.99", "19.99", "USD"),
        ("$1,299.00", "1299.00", "USD"),
        ("1 299 ₽", "1299", "RUB"),
        ("1\u00a0299,50 руб.", "1299.50", "RUB"),
        ("1 299 р.", "1299", "RUB"),
        ("CHF 1'299.-", "1299", "CHF"),
        ("1.234.567", "1234567", ""),
        ("1,299", "1299", ""),
        ("1.299", "1.299", ""),
        ("0,5", "0.5", ""),
        ("52.0000", "52.0000", ""),
        ("100 RUR", "100", "RUB"),
        ("-5", "-5", ""),
    ],
)
def test_a_price_is_read(text: str, amount: str, currency: str) -> None:
    assert read_price(text) == Price(Decimal(amount), currency)


def test_the_decimal_mark_decides_where_a_text_may_mean_both() -> None:
    assert read_price("1.299", ",") == Price(Decimal(1299))
    assert read_price("1,299", ",") == Price(Decimal("1.299"))
    assert read_price("19,99", ".") == Price(Decimal("19.99"))


@pytest.mark.parametrize("text", ["", "  "])
def test_a_blank_price_is_none(text: str) -> None:
    assert read_price(text) is None


@pytest.mark.parametrize("text", ["on request", "from 5 €", "5 apples", "5 €/6 $", "5-10", "€"])
def test_a_text_that_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="is not an amount"):
        read_price(text)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1.299,00", "5"], ","),
        (["1,299.00", "5"], "."),
        (["19,9"], ","),
        (["1.299", "899"], ","),
        (["1.299.000"], ","),
        (["5", "", "text"], ""),
    ],
)
def test_a_column_tells_its_decimal_mark(texts: list[str], mark: str) -> None:
    assert find_decimal_mark(texts) == mark


def test_a_sale_is_on_between_its_dates() -> None:
    full, sale = Price(Decimal(10)), Price(Decimal(8))

    assert choose_price(full, sale, NOW) == sale
    assert choose_price(full, sale, NOW, NOW, NOW + DAY) == sale
    assert choose_price(full, sale, NOW, NOW + DAY) == full
    assert choose_price(full, sale, NOW, None, NOW) == full
    assert choose_price(full, Price(Decimal(0)), NOW) == full
    assert choose_price(None, None, NOW) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-15", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-01-15T10:00+0200", datetime(2026, 1, 15, 8, tzinfo=UTC)),
        ("2026-01-15T10:00:00Z", datetime(2026, 1, 15, 10, tzinfo=UTC)),
        ("15.01.2026", datetime(2026, 1, 15, tzinfo=UTC)),
        ("1/15/26", datetime(2026, 1, 15, tzinfo=UTC)),
        ("1/15/26, 5:30 PM", datetime(2026, 1, 15, 17, 30, tzinfo=UTC)),
    ],
)
def test_a_date_is_read(settings, text: str, moment: datetime) -> None:
    settings.TIME_ZONE = "UTC"

    assert read_date(text) == moment


def test_the_last_day_of_a_sale_counts_whole(settings) -> None:
    settings.TIME_ZONE = "UTC"

    assert read_date("2026-01-15", is_end=True) == datetime(2026, 1, 16, tzinfo=UTC)
    assert read_period("2026-01-01/2026-01-15")[1] == datetime(2026, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "31/31/26"])
def test_a_text_that_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="cannot be read"):
        read_date(text)
