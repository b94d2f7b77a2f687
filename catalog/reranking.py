"""The weights that were learnt from clicks, where they have taken over."""

import time
from collections.abc import Mapping
from functools import lru_cache

from catalog.models import Reranker

KEPT_FOR_S = 10


def active_weights() -> Mapping[str, float] | None:
    """Feature → weight of the active reranker, None where there is none; read again every
    KEPT_FOR_S."""
    return _active(int(time.monotonic() / KEPT_FOR_S))


@lru_cache(maxsize=1)
def _active(_period: int) -> Mapping[str, float] | None:
    active = Reranker.objects.filter(is_active=True).first()
    return active.weights if active else None
