"""Each roll back undoes the last switch that is not undone yet, and never goes forward."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.index.live_index import live_generation
from catalog.index.vector_store import vector_store
from catalog.models import Adapter, EncoderVersion, Generation
from indexing.generations import publishing
from tests.indexing.shop import table_exists

PASSING_FIGURES = {kind: {} for kind in ("adapter", "native", "now")}


@pytest.fixture
def encoders_known(request: pytest.FixtureRequest) -> list[EncoderVersion]:
    if "committed_shop" not in request.fixturenames:
        request.getfixturevalue("empty_shop")
    names = ("old", "new")
    return [EncoderVersion.objects.create(name=n, checksum=n, dimensions=8) for n in names]


@pytest.fixture
def built(encoders_known: list[EncoderVersion]) -> list[Generation]:
    """Four generations that were never live, each with an empty table and its graph."""
    return [add_built(encoders_known[0]) for _ in range(4)]


@pytest.fixture
def adapter(encoders_known: list[EncoderVersion]) -> Adapter:
    """An adapter that lets the new encoder query any of these generations."""
    old, new = encoders_known
    return Adapter.objects.create(
        query_encoder=new,
        index_encoder=old,
        kind="orthogonal",
        parameters=b"",
        shapes={},
        sample=1,
        figures=PASSING_FIGURES,
    )


def add_built(encoder: EncoderVersion) -> Generation:
    generation = Generation.objects.create(
        encoder=encoder, state="built", hnsw_m=4, hnsw_ef_construction=8
    )
    vector_store().create(generation)
    vector_store().build_graph(generation)
    return generation


def live_pk() -> int | None:
    live = live_generation()
    return live.pk if live else None


def roll_back_all() -> list[int]:
    """Rolls back until nothing is left. Returns the generations that became live."""
    brought: list[int] = []
    while True:
        try:
            brought.append(publishing.roll_back().pk)
        except publishing.PublishingError:
            return brought


def test_roll_backs_follow_the_publications_in_reverse_order(built: list[Generation]) -> None:
    a, b, c, _ = built
    for generation in (a, b, c, a):
        publishing.publish_generation(generation)

    assert roll_back_all() == [c.pk, b.pk, a.pk]


def test_a_roll_back_never_leads_to_a_generation_that_was_rolled_back(
    built: list[Generation],
) -> None:
    a, b, c, d = built
    for generation in (a, b, c):
        publishing.publish_generation(generation)
    publishing.roll_back()
    publishing.publish_generation(d)

    assert roll_back_all() == [b.pk, a.pk]


def test_the_command_rolls_back_in_the_same_order(built: list[Generation], capsys: Any) -> None:
    a, b, *_ = built
    for generation in (a, b, a):
        call_command("index", "publish", str(generation.pk))
    capsys.readouterr()

    for expected in (b, a):
        call_command("index", "rollback")
        assert capsys.readouterr().out == f"Generation {expected.pk} is live.\n"
    with pytest.raises(CommandError, match="no earlier generation"):
        call_command("index", "rollback")


def test_dropped_generations_are_skipped_and_named_when_none_is_left(
    built: list[Generation],
) -> None:
    a, b, c, _ = built
    for generation in (a, b, c):
        publishing.publish_generation(generation)
    publishing.drop_generation(b)

    assert publishing.roll_back() == a

    publishing.publish_generation(c)
    publishing.drop_generation(a)
    with pytest.raises(
        publishing.PublishingError, match=rf"earlier generations \({a.pk}\) are dropped"
    ):
        publishing.roll_back()
    assert live_generation() == c


def test_the_generations_that_the_next_roll_backs_lead_to_are_kept(built: list[Generation]) -> None:
    # Given D, which was rolled back to A: D is the newest, but no roll back leads to it.
    a, b, c, d = built
    for generation in (a, d):
        publishing.publish_generation(generation)
    publishing.roll_back()
    for generation in (b, c):
        publishing.publish_generation(generation)

    assert set(publishing.drop_retired_generations(keep=2)) == {d}
    assert roll_back_all() == [b.pk, a.pk]


@pytest.mark.usefixtures("committed_shop")
def test_two_roll_backs_at_once_undo_two_switches(built: list[Generation]) -> None:
    for generation in built:
        publishing.publish_generation(generation)
    brought: list[int] = []

    def roll_back() -> None:
        try:
            brought.append(publishing.roll_back().pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=roll_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(brought) == [built[1].pk, built[2].pk]
    assert live_generation() == built[1]


@dataclass
class Model:
    """A model of publishing: the stack of the generations that went live. The last one is live."""

    stack: list[int] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    adapted: bool = False

    def publish(self, pk: int) -> None:
        assert pk not in self.dropped
        if self.stack[-1:] != [pk]:
            self.stack.append(pk)
            self.adapted = False

    def adopt(self) -> None:
        assert self.stack
        self.adapted = True

    def roll_back(self) -> None:
        assert self.stack
        if self.adapted:
            self.adapted = False
        else:
            self.stack = self.stack[: self.back_to() + 1]

    def back_to(self) -> int:
        """Returns the position in the stack that the next roll back leads to."""
        gone = {*self.dropped, self.stack[-1]}
        return max(place for place, pk in enumerate(self.stack) if pk not in gone)

    def drop(self, pk: int) -> None:
        assert self.stack[-1:] != [pk]
        self.dropped.add(pk)

    def ways_back(self) -> list[int]:
        """Returns the generations that roll backs lead to, the next one first."""
        there = [pk for pk in reversed(self.stack) if pk not in {*self.dropped, self.stack[-1]}]
        return list(dict.fromkeys(there))


def agrees(promised: Callable[[], None], done: Callable[[], Any]) -> None:
    """Asserts that the model and the code both succeed, or both refuse."""
    try:
        promised()
    except (AssertionError, ValueError):
        with pytest.raises(publishing.PublishingError):
            done()
    else:
        done()


def keep_only(keep: int, model: Model) -> None:
    """Drops generations as a rebuild does. Asserts that those of the next roll backs are kept."""
    ways = model.ways_back() if model.stack else []
    dropped = publishing.drop_retired_generations(keep)
    model.dropped |= {generation.pk for generation in dropped}
    assert model.dropped.isdisjoint(ways[:keep])
    assert Generation.objects.filter(state="retired").count() <= keep


places = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("publish"), places),
    st.tuples(st.just("publish"), places),
    st.tuples(st.just("roll_back"), st.just(0)),
    st.tuples(st.just("roll_back"), st.just(0)),
    st.tuples(st.just("adopt"), st.just(0)),
    st.tuples(st.just("drop"), places),
    st.tuples(st.just("keep_only"), st.integers(1, 3)),
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(steps, min_size=4, max_size=14))
@example(steps=[*(("publish", n) for n in (0, 1, 2, 0)), *[("roll_back", 0)] * 4])
@pytest.mark.long
def test_any_sequence_of_switches_and_roll_backs_agrees_with_the_model(
    built: list[Generation], adapter: Adapter, steps: Sequence[tuple[str, int]]
) -> None:
    model = Model()
    with transaction.atomic():
        for what, number in steps:
            if what == "keep_only":
                keep_only(number, model)
            elif what == "adopt":
                agrees(model.adopt, partial(publishing.adopt_adapter, adapter))
            elif what == "roll_back":
                agrees(model.roll_back, publishing.roll_back)
            elif what == "publish":
                chosen = built[number]
                done = partial(publishing.publish_generation, chosen)
                agrees(partial(model.publish, chosen.pk), done)
            else:
                chosen = built[number]
                done = partial(publishing.drop_generation, chosen)
                agrees(partial(model.drop, chosen.pk), done)
            assert live_pk() == (model.stack[-1] if model.stack else None)
            live = live_generation()
            assert (live is not None and live.query_adapter_id is not None) == model.adapted
        assert all(table_exists(g) != (g.pk in model.dropped) for g in built)
        transaction.set_rollback(True)
