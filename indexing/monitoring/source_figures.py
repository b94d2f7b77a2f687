"""Counts the sources that cannot be pulled, or wait for an operator, for the index status."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Max, Q

from catalog.models import ProductImport, Source

_FAILING = Q(attempts__gt=0)


def source_figures() -> dict[str, Any]:
    """Returns the number of sources, of those whose last pull has failed (`failing`), and of those
    with an import that waits for an operator; and the largest number of failures in a row."""
    counted = Source.objects.aggregate(
        total=Count("pk"), failing=Count("pk", filter=_FAILING), most=Max("attempts")
    )
    return {
        "total": counted["total"],
        "failing": counted["failing"],
        "waiting": _waiting().values("source").distinct().count(),
        "failures_in_a_row": counted["most"] or 0,
    }


def source_problems() -> Iterator[str]:
    """Yields a sentence for each source that fails or waits, for operators."""
    for source in Source.objects.filter(_FAILING).order_by("-attempts", "name"):
        yield f"Source {source.name} FAILED {source.attempts} times in a row: {source.error}"
    for asked in _waiting().order_by("name"):
        yield f"Source {asked.name} WAITS for you to confirm or discard: {asked.error}"


def _waiting() -> Any:
    waiting = ProductImport.objects.filter(state=ProductImport.State.WAITING)
    return waiting.exclude(source=None)
