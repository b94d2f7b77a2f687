"""Reads the weights of the active reranker, and activates and withdraws rerankers."""

import time
from collections.abc import Mapping
from functools import lru_cache

from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import Reranker

WEIGHTS_CACHE_S = 10


class RerankingError(Exception):
    """The reranker cannot be activated; the message is a sentence."""


def active_weights() -> Mapping[str, float] | None:
    """Returns the weight of each feature in the active reranker, or None without one. Every process
    reads them again after WEIGHTS_CACHE_S seconds."""
    return _read_active_weights(int(time.monotonic() / WEIGHTS_CACHE_S))


def forget_active_weights() -> None:
    """Makes this process read the weights again at the next call of `active_weights`."""
    _read_active_weights.cache_clear()


def activate_reranker(reranker: Reranker) -> None:
    """Activates `reranker` in place of the formula or another reranker. Raises RerankingError if it
    has no weights."""
    if not reranker.weights:
        sentence = _("Reranker %(number)s has no weights to rank with.")
        raise RerankingError(sentence % {"number": reranker.pk})
    with transaction.atomic():
        Reranker.objects.filter(is_active=True).update(is_active=False)
        Reranker.objects.filter(withdrawn=True).update(withdrawn=False)
        Reranker.objects.filter(pk=reranker.pk).update(is_active=True)
    reranker.is_active, reranker.withdrawn = True, False
    forget_active_weights()


def withdraw_reranker() -> bool:
    """Deactivates the active reranker and marks it as withdrawn: the formula ranks again. The
    nightly training activates no reranker while one is withdrawn. Returns False if none was
    active."""
    withdrawn = Reranker.objects.filter(is_active=True).update(is_active=False, withdrawn=True)
    forget_active_weights()
    return bool(withdrawn)


@lru_cache(maxsize=1)
def _read_active_weights(_period: int) -> Mapping[str, float] | None:
    active = Reranker.objects.filter(is_active=True).first()
    return active.weights if active else None
