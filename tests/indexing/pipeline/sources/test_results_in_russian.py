"""What came of a pull is stored in English, and told in the language of the console."""

import pytest
from django.utils.translation import override

from catalog.importing.sources.source_import import TooManyMissing
from catalog.models import ProductImport
from indexing.pipeline.sources.pulling import UNCHANGED, describe_import, translate_result

BRIEF = ProductImport(added=1_200, changed=3, refused=2)
NOTED = ProductImport(added=1, hidden=7, noted=5)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (UNCHANGED, "С последнего импорта ничего не изменилось."),
        (
            describe_import(BRIEF),
            "Товаров добавлено: 1\xa0200, изменено: 3, скрыто: 0, удалено: 0; строк отклонено: 2.",
        ),
        (
            f"{describe_import(NOTED)} No product is hidden.",
            "Товаров добавлено: 1, изменено: 0, скрыто: 7, удалено: 0; строк отклонено: 0,"
            " с замечаниями: 5. No product is hidden.",
        ),
        (
            str(TooManyMissing(1_500, 2_000)),
            "В выгрузке больше нет товаров: 1\xa0500 из 2\xa0000. Это больше, чем можно скрыть без"
            " вопроса (10%). Ничего не будет импортировано, пока оператор не подтвердит или не"
            " отклонит импорт.",
        ),
        ("", ""),
        ("Something else.", "Something else."),
    ],
)
def test_a_result_is_told_in_russian(result: str, told: str) -> None:
    with override("ru"):
        assert translate_result(result) == told
    with override("en"):
        assert translate_result(result) == result
