"""Publishes factor models, rolls back and drops. Each is one transaction."""

import logging

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.index.factor_store import drop_factors, has_graph
from catalog.models import FactorModel
from indexing.generations.publishing import PublishingError

log = logging.getLogger("vitrina.indexing")

State = FactorModel.State
PUBLISHING_LOCK = 0x5649_5453  # advisory
KEPT_MODELS = 1  # retired ones, for a roll back


def publish_factors(model: FactorModel) -> FactorModel:
    """Makes a model live, and retires the one that was. Returns its present row. Raises
    PublishingError if it is being built, has no graph or is dropped."""
    with transaction.atomic():
        _lock_publishing()
        model = FactorModel.objects.select_for_update().get(pk=model.pk)
        if model.state == State.LIVE:
            return model
        if model.state not in (State.BUILT, State.RETIRED, State.REJECTED):
            raise PublishingError(
                _("Factor model %(number)s is %(state)s, not built.")
                % {"number": model.pk, "state": model.state}
            )
        if not has_graph(model):
            raise PublishingError(
                _("Factor model %(number)s has no valid graph index.") % {"number": model.pk}
            )
        return _make_live(model)


def roll_back_factors() -> FactorModel:
    """Makes the model live that was live before, and marks the present one as rejected, so that the
    next roll back goes further back. Raises PublishingError if there is none."""
    with transaction.atomic():
        _lock_publishing()
        live = FactorModel.objects.filter(state=State.LIVE).first()
        earlier = FactorModel.objects.filter(state=State.RETIRED).order_by("-published_at").first()
        if live is None or earlier is None:
            raise PublishingError(_("There is no earlier factor model to go back to."))
        made = _make_live(earlier, published_at=earlier.published_at)
        FactorModel.objects.filter(pk=live.pk).update(state=State.REJECTED, note="rolled back")
        return made


def drop_old_factors() -> list[int]:
    """Drops the tables of models that are no longer needed: retired ones except KEPT_MODELS,
    rejected ones that are older than the live one, and those of runs that ended early. Returns
    their ids."""
    live = FactorModel.objects.filter(state=State.LIVE).first()
    retired = FactorModel.objects.filter(state=State.RETIRED).order_by("-published_at")
    old = list(retired[KEPT_MODELS:])
    if live is not None:
        old += FactorModel.objects.filter(
            state__in=[State.REJECTED, State.BUILDING, State.BUILT], pk__lt=live.pk
        )
    dropped = []
    for model in old:
        try:
            drop_factors(model)
        except OperationalError as error:  # a request still reads it
            log.warning("%s is not dropped yet: %s", model, error)
        else:
            FactorModel.objects.filter(pk=model.pk).update(state=State.DROPPED)
            dropped.append(model.pk)
    return dropped


def _make_live(model: FactorModel, **fields: object) -> FactorModel:
    FactorModel.objects.filter(state=State.LIVE).update(state=State.RETIRED)
    values = {"published_at": timezone.now(), **fields}
    FactorModel.objects.filter(pk=model.pk).update(state=State.LIVE, **values)
    return FactorModel.objects.get(pk=model.pk)


def _lock_publishing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHING_LOCK])
