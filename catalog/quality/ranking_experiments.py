"""Starts, stops and reads experiments with rankings of recommendations, and adopts a ranking."""

import time
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import ExperimentSession, RankingExperiment
from catalog.quality.rate_difference import ArmSums

STATE_CACHE_S = 10
STARTING_LOCK = 0x5649_5454  # advisory
# Sessions cost nothing, so only the first of an address count. Its origin lasts a day.
MAX_SESSIONS_OF_ORIGIN = 20
SUMS = """
    SELECT is_second, count(*), sum(shown), sum(clicked), sum(shown * shown), sum(shown * clicked),
        sum(clicked * clicked)
    FROM (
        SELECT is_second, origin, cardinality(shown)::bigint AS shown,
            cardinality(clicked)::bigint AS clicked,
            row_number() OVER (PARTITION BY origin ORDER BY at, sender) AS number
        FROM catalog_experimentsession WHERE experiment_id = %s) counted
    WHERE number <= %s OR origin = '' GROUP BY is_second
"""


class ExperimentError(Exception):
    """The step is not possible. The message is a sentence."""


class RankingState(NamedTuple):
    """The ranking that was adopted last, "" if none was, and the running experiment."""

    adopted: str
    running: RankingExperiment | None


def ranking_state() -> RankingState:
    """Returns the present state. Every process reads it again after STATE_CACHE_S seconds."""
    return _read_state(int(time.monotonic() / STATE_CACHE_S))


def forget_state() -> None:
    """Makes this process read the state again at the next call of `ranking_state`."""
    _read_state.cache_clear()


def start_experiment(first: str, second: str, days: int, by: str) -> RankingExperiment:
    """Starts an experiment. Raises ExperimentError if one is running, the rankings are the same, or
    the events are not kept for so many days."""
    if first == second:
        raise ExperimentError(_("Choose two different rankings."))
    if days > settings.HISTORY_DAYS:
        raise ExperimentError(
            _("Events are kept for %(days)s days (HISTORY_DAYS), which is too short.")
            % {"days": settings.HISTORY_DAYS}
        )
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [STARTING_LOCK])
        close_ended()
        if running := RankingExperiment.objects.filter(is_open=True).first():
            raise ExperimentError(
                _("Experiment %(number)s is running. Stop it first.") % {"number": running.pk}
            )
        made = RankingExperiment.objects.create(
            first=first, second=second, started_by=by, ends_at=now + timedelta(days=days)
        )
    forget_state()
    return made


def stop_experiment(experiment: RankingExperiment) -> None:
    """Ends a running experiment now. Raises ExperimentError if it has ended."""
    now = timezone.now()
    open_row = RankingExperiment.objects.filter(pk=experiment.pk, is_open=True, ends_at__gt=now)
    if not open_row.update(is_open=False, stopped_at=now):
        raise ExperimentError(_("Experiment %(number)s has ended.") % {"number": experiment.pk})
    experiment.is_open, experiment.stopped_at = False, now
    forget_state()


def adopt_ranking(experiment: RankingExperiment, ranking: str) -> None:
    """Shows one of the two rankings of an ended experiment to everybody. Raises
    ExperimentError."""
    if ranking not in (experiment.first, experiment.second):
        raise ExperimentError(_("The experiment did not compare this ranking."))
    if experiment.is_running:
        raise ExperimentError(_("The experiment is still running. Stop it first."))
    RankingExperiment.objects.filter(pk=experiment.pk).update(
        adopted=ranking, adopted_at=timezone.now()
    )
    forget_state()


def undo_adoption(experiment: RankingExperiment) -> None:
    """Goes back to the ranking before the one that was adopted from this experiment. Raises
    ExperimentError if another was adopted after it, or none was."""
    latest = adopted_last()
    if latest is None or latest.pk != experiment.pk:
        raise ExperimentError(_("No ranking of this experiment is in use."))
    RankingExperiment.objects.filter(pk=experiment.pk).update(adopted="", adopted_at=None)
    forget_state()


def adopted_last() -> RankingExperiment | None:
    """Returns the experiment whose ranking is in use, or None."""
    return RankingExperiment.objects.exclude(adopted="").order_by("-adopted_at").first()


def read_sums(experiment: RankingExperiment) -> tuple[ArmSums, ArmSums]:
    """Returns what was counted for the first and the second ranking."""
    if experiment.sums:
        first, second = (ArmSums(*values) for values in experiment.sums)
        return first, second
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [experiment.pk, MAX_SESSIONS_OF_ORIGIN])
        arms = {is_second: ArmSums(*map(int, row)) for is_second, *row in cursor.fetchall()}
    return arms.get(False, ArmSums()), arms.get(True, ArmSums())


def forget_in_experiments(user: str = "", session: str = "") -> int:
    """Deletes what experiments know of a user or a session. Returns the number of rows."""
    rows = ExperimentSession.objects.filter(experiment=OuterRef("pk"))
    deleted = 0
    for experiment in RankingExperiment.objects.filter(Exists(rows)):  # those of HISTORY_DAYS
        sender = experiment.hash_sender(user, session)
        found = ExperimentSession.objects.filter(experiment=experiment, sender=sender)
        deleted += found.delete()[0]
    return deleted


def close_ended() -> None:
    """Marks the experiment whose time is over as ended."""
    RankingExperiment.objects.filter(is_open=True, ends_at__lte=timezone.now()).update(
        is_open=False
    )


def delete_old_sessions() -> int:
    """Deletes the sessions of experiments that began more than HISTORY_DAYS ago, and keeps their
    sums. Returns their number."""
    close_ended()
    before = timezone.now() - timedelta(days=settings.HISTORY_DAYS)
    deleted = 0
    for experiment in RankingExperiment.objects.filter(started_at__lt=before, sums=[]):
        sums = [list(arm) for arm in read_sums(experiment)]
        with transaction.atomic():
            RankingExperiment.objects.filter(pk=experiment.pk).update(sums=sums)
            rows = ExperimentSession.objects.filter(experiment=experiment)
            deleted += rows._raw_delete(rows.db)
    return deleted


@lru_cache(maxsize=1)
def _read_state(_period: int) -> RankingState:
    latest = adopted_last()
    running = RankingExperiment.objects.filter(is_open=True).first()
    return RankingState(latest.adopted if latest else "", running)
