"""The weights that were learnt from clicks, where they have taken over; and who decides that."""

import time
from collections.abc import Mapping
from functools import lru_cache

from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import Reranker

KEPT_FOR_S = 10


class RerankingError(Exception):
    """What was asked for cannot be done; the message is a sentence."""


def active_weights() -> Mapping[str, float] | None:
    """Feature → weight of the active reranker, None where there is none; read again every
    KEPT_FOR_S."""
    return _active(int(time.monotonic() / KEPT_FOR_S))


def activate(reranker: Reranker) -> None:
    """From now on it ranks, in place of the formula or another. Raises RerankingError."""
    if not reranker.weights:
        sentence = _("Reranker %(number)s has no weights that could rank.")
        raise RerankingError(sentence % {"number": reranker.pk})
    with transaction.atomic():
        Reranker.objects.filter(is_active=True).update(is_active=False)
        Reranker.objects.filter(withdrawn=True).update(withdrawn=False)
        Reranker.objects.filter(pk=reranker.pk).update(is_active=True)
    reranker.is_active, reranker.withdrawn = True, False
    _active.cache_clear()


def withdraw() -> bool:
    """The formula ranks again, until somebody activates a reranker: the nightly training does not
    while one is withdrawn. False if the formula did rank."""
    withdrawn = Reranker.objects.filter(is_active=True).update(is_active=False, withdrawn=True)
    _active.cache_clear()
    return bool(withdrawn)


@lru_cache(maxsize=1)
def _active(_period: int) -> Mapping[str, float] | None:
    active = Reranker.objects.filter(is_active=True).first()
    return active.weights if active else None
