"""Reasons of imports, photos and fetches are stored in English. Readers of Russian read them in
Russian, also those of old rows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from catalog.console.stored_sentences import translate_sentence
from catalog.models import ProductImport, RefusedLine
from tests.console.file_imports.uploads import (
    FEED,
    address_of,
    operator,
    press,
    text_of,
    upload,
    work,
)

ROOT = Path(__file__).resolve().parents[3]
RAISED = {"RecordError", "ImageNameError", "ArchiveError", "FetchFailed", "ImageError", "note"}
RAISED |= {"ImportFailed", "FeedCutOff", "AddressRefused", "append", "StageFailed", "AdapterError"}
FOLDERS = (
    *("catalog/importing", "catalog/imaging", "indexing/adapters", "indexing/generations"),
    *("indexing/pipeline", "indexing/quality"),
)
# Of the command line alone, told at once and not stored, or not about rows, photos and feeds.
ELSEWHERE = {
    "catalog/importing/history/line_report.py",
    "catalog/importing/sources/uploaded_feeds.py",
    "indexing/quality/looks_benchmark.py",
}
RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)


@pytest.fixture
def anna(empty_shop: None, settings: Any, tmp_path: Path) -> Client:
    settings.UPLOADED_FEEDS = tmp_path / "uploads"
    anna = operator("anna", "operate", "view_productimport", "view_product")
    anna.cookies["django_language"] = "ru"
    return anna


def test_refused_lines_are_russian_in_preview_and_report(anna: Client) -> None:
    page = upload(anna, FEED + "desk,Desk,free,\n,Chair,5.00,\n")
    assert "Строка 4: цена &#x27;free&#x27; — не сумма в известной валюте" in text_of(page)
    assert "нет артикула (sku)" in text_of(page)

    press(anna, address_of(page), "import")
    done = work()
    RefusedLine.objects.create(product_import=done, line=9, reason="of an earlier version")

    assert "price 'free' is not an amount" in RefusedLine.objects.filter(line=4).get().reason
    reasons = {}
    for language in ("ru", "en"):
        anna.cookies["django_language"] = language
        report: Any = anna.get(reverse("admin:import_report", args=[done.pk]))
        reasons[language] = [
            line.split(",")[2] for line in b"".join(report.streaming_content).decode().splitlines()
        ]
    assert reasons["ru"][1:] == [
        "цена 'free' — не сумма в известной валюте",
        "нет артикула (sku)",
        "of an earlier version",
    ]
    assert reasons["en"][2] == "sku is missing"


def test_a_file_that_cannot_be_read_says_why_in_russian(anna: Client) -> None:
    page = upload(anna, "{}\n" * 3, "empty.xlsx", format="jsonl")
    assert "нет артикула (sku)" in text_of(page)

    assert "формат неизвестен" in text_of(upload(anna, "a,b\n1,2\n", "shop.csv"))
    assert not ProductImport.objects.exists()


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (
            "image 'a.jpg' cannot be read: No such file or directory; it is left out",
            "фото 'a.jpg' нельзя прочитать: нет такого файла; пропущено",
        ),
        (
            "shop.csv: the file ends in the middle of line 5. 12 products before this are written.",
            "shop.csv: файл обрывается посреди строки 5. Товары до этого места записаны: 12.",
        ),
        (
            "image 'http://a b/' cannot be fetched: 'a b' is not a host name",
            "фото 'http://a b/' нельзя загрузить: 'a b' — не имя узла",
        ),
        (
            "recall@20 of the graph is 0.900, below 0.95; recall@5 on labelled photos is 0.500;"
            " the live generation has 0.600",
            "recall@20 графа — 0.900, меньше 0.95; recall@5 на размеченных фото — 0.500,"
            " у опубликованного поколения — 0.600",
        ),
        (
            "The PNG has too many chunks; save it anew and send it again.",
            "В файле PNG слишком много частей (chunks). Сохраните фото заново и загрузите снова.",
        ),
        (
            "hooks.shop.example is not a public host: its address is 10.0.0.7.",
            "Узел hooks.shop.example не общедоступный: его адрес 10.0.0.7.",
        ),
        (
            "The port 9 of shop.example is not allowed.",
            "Порт 9 узла shop.example не разрешён.",
        ),
        (
            "adapter 3: new → starter is not good enough: recall@5 of photos is 0.700 through the"
            " adapter, below 0.95 of its own 0.900; recall@5 of titles is 0.500 through the"
            " adapter; it is 0.600 now.",
            "adapter 3: new → starter недостаточно хорош: с адаптером recall@5 (фотографии) —"
            " 0.700, меньше 0.95 от его собственного 0.900; с адаптером recall@5 (названия) —"
            " 0.500, сейчас 0.600.",
        ),
        ("100 % new %(reason)s", "100 % new %(reason)s"),
        ("", ""),
    ],
)
def test_sentences_with_values_are_told_in_russian(stored: str, told: str) -> None:
    with override("ru"):
        assert translate_sentence(stored) == told
    with override("en"):
        assert translate_sentence(stored) == stored


def test_every_reason_that_the_code_gives_is_translated() -> None:
    reasons = [reason for path in _sources() for reason in _reasons(path)]
    assert len(reasons) > 90

    with override("ru"):
        english = [said for said in reasons if not RUSSIAN.search(translate_sentence(said))]

    assert english == []


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if str(path.relative_to(ROOT)) not in ELSEWHERE:
                yield path


def _reasons(path: Path) -> Iterator[str]:
    """Yields the sentences that a module gives as reasons, with a value in each place."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said = _sentence(node.args[-1])
            if name in RAISED and " " in said and (name != "append" or "recall" in said):
                yield said


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Call):  # _("…") % {…}
        return re.sub(r"%\(\w+\)s", "7", "".join(map(_sentence, node.left.args)))
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values
    )
