"""Addresses are normalised, and unusual ones refused."""

import pytest

from catalog.importing.fetching.web_address import AddressError, parse_address


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        (" HTTP://Shop.Example:80/a.jpg#top ", "http://shop.example/a.jpg"),
        ("https://shop.example.:443", "https://shop.example/"),
        ("https://shop.example:8443/a", "https://shop.example:8443/a"),
        ("http://пример.рф/кресло 1.jpg?a=б", "http://xn--e1afmkfd.xn--p1ai/%D0%BA%D1%80%D0%B5%D1%81%D0%BB%D0%BE%201.jpg?a=%D0%B1"),
        ("http://shop.example/100%/a%20b.jpg", "http://shop.example/100%25/a%20b.jpg"),
        ("http://[2606:4700:0::1]/a", "http://[2606:4700::1]/a"),
        ("http://①②⑦.⓪.⓪.①/", "http://127.0.0.1/"),
    ],
)  # fmt: skip
def test_equal_addresses_have_equal_texts(text: str, normalised: str) -> None:
    address = parse_address(text)

    assert str(address) == normalised
    assert parse_address(normalised) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://shop.example/a.jpg", "must start with http:// or https://"),
        ("file:///etc/passwd", "must start with http:// or https://"),
        ("http://", "has no host"),
        ("http://user:secret@shop.example/a.jpg", "user name or a password"),
        ("http://shop.example\\@10.0.0.1/", "control character or a backslash"),
        ("http://shop.example/\r\nHost: x", "control character or a backslash"),
        ("http://shop.example:99999/", "not a valid address"),
        ("http://shop.example:0/", "port 0"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://1.2.3.256/", "four decimal numbers"),
        ("http://[fe80::1%25eth0]/", "zone of an IPv6 address"),
        ("http://[1.2.3.4]/", "not a valid address"),
        ("http://[zz::1]/", "not a valid address"),
        ("http://ex%61mple.com/", "percent sign"),
        ("http://a..b/", "not a host name"),
        ("http://-shop.example/", "not a host name"),
        ("http://shop example/", "not a host name"),
        (f"http://shop.example/{'x' * 2000}", "more than 2,000 characters"),
    ],
)
def test_unusual_addresses_are_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason.replace("(", r"\(")):
        parse_address(text)
