"""Whether a trained encoder is better, and what operators are told. The figures are made up."""

import numpy as np
import pytest
from django.utils import timezone, translation

from catalog.models import EncoderVersion, Generation
from catalog.quality.paired_bootstrap import bootstrap_difference
from catalog.quality.self_test import SelfTest
from indexing.models import IndexingRun
from indexing.quality.encoder_comparison import EncoderComparison
from indexing.quality.training_result import describe_training, judge_comparison, summarise_training

BEFORE = [1, 7, 3, 9, 2, 1, 8, 6]
ENCODER = "local-dir:/models/new"


def compare(after: list[int], kind: str = "views") -> EncoderComparison:
    """Returns the comparison of encoders that find the products at the ranks BEFORE and `after`."""
    current, new = np.array(BEFORE), np.array(after)
    return EncoderComparison(
        SelfTest.from_ranks(kind, current),
        SelfTest.from_ranks(kind, new),
        *(bootstrap_difference(new <= k, current <= k) for k in (1, 5)),
    )


def describe(comparison: EncoderComparison | None, publish: bool = True, **result: object) -> str:
    counts = {"products": 90, "photos": 200, "clicks": 0}
    verdict = judge_comparison(comparison)
    run = IndexingRun(publish=publish)
    run.result = {"encoder": ENCODER, **counts, **verdict, **result}
    return describe_training(run)


def test_an_encoder_is_better_if_one_recall_is_higher_and_none_is_lower() -> None:
    nearer = [1, 4, 3, 9, 2, 1, 8, 6]
    first = [1, 7, 1, 9, 2, 1, 8, 6]
    nearer_but_fewer_first = [2, 4, 3, 9, 2, 1, 5, 6]

    assert judge_comparison(compare(nearer))["better"]
    assert judge_comparison(compare(first))["better"]
    assert not judge_comparison(compare(nearer_but_fewer_first))["better"]
    assert not judge_comparison(compare(BEFORE))["better"]


def test_composed_photos_and_too_few_products_make_no_encoder_better() -> None:
    best = [1] * len(BEFORE)

    assert judge_comparison(compare(best))["better"]
    assert not judge_comparison(compare(best, "composed"))["better"]
    assert not judge_comparison(None)["better"]


@pytest.mark.django_db
def test_operators_are_told_whether_the_rebuild_took_it_into_use() -> None:
    better = compare([1, 4, 3, 9, 2, 1, 8, 6])
    encoder = EncoderVersion.objects.create(name=ENCODER, source="", checksum="0", dimensions=2)
    generation = Generation.objects.create(encoder=encoder, hnsw_m=4, hnsw_ef_construction=16)
    rebuild = IndexingRun.objects.create(kind="rebuild", state="running", generation=generation)

    assert describe(better, rebuild=rebuild.pk).endswith("if it passes its gates.")
    IndexingRun.objects.update(state="succeeded")
    assert describe(better, rebuild=rebuild.pk).endswith("has not taken it into use.")
    Generation.objects.update(published_at=timezone.now())
    assert describe(better, rebuild=rebuild.pk).endswith("has taken it into use.")


@pytest.mark.django_db
def test_operators_are_told_the_figures_and_what_follows() -> None:
    better = compare([1, 4, 3, 9, 2, 1, 8, 6])

    told = describe(better, rebuild=7)
    assert told.startswith("Learnt from 200 photos of 90 products. On 8 photos of products that")
    assert "recall@5 0.500 before, 0.625 after" in told
    assert told.endswith("Rebuild 7 takes it into use if it passes its gates.")
    assert "and 5 clicks" in describe(better, clicks=5)
    by_hand = f"index rebuild --encoder {ENCODER}"
    assert by_hand in describe(better, publish=False)
    assert "no rebuild was started: It is busy." in describe(better, conflict="It is busy.")
    busy = "Rebuild 7, with other options, is under way: let it finish or cancel it."
    with translation.override("ru"):
        assert busy not in describe(better, conflict=busy)
    assert "the encoder in use stays" in describe(compare(BEFORE))
    assert "composed photos (weaker)" in describe(compare(BEFORE, "composed"))
    assert "fewer than 100 products" in describe(None)
    assert by_hand in describe(None)


def test_a_training_without_a_result_is_not_described() -> None:
    assert describe_training(IndexingRun()) == summarise_training(IndexingRun()) == ""


def test_a_list_shows_the_recalls() -> None:
    run = IndexingRun(result={"encoder": ENCODER, **judge_comparison(compare([1] * 8))})

    assert summarise_training(run) == "recall@5 0.500 → 1.000"
    assert summarise_training(IndexingRun(result={"encoder": ENCODER})) == "not measured"
