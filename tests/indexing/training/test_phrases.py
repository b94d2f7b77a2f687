"""The phrases that the text tower learns, and its distillation."""

from pathlib import Path

import pytest

from catalog.detection.torchvision_ops import declare_missing_ops

FILE = Path("1.webp")


def make_items():
    declare_missing_ops()
    from indexing.training.pairs import Item

    return [
        Item(
            "mug",
            "Coffee mug",
            "Кофейная кружка",
            "Kitchen",
            "Кухня",
            ("Drink",),
            (Path("1.webp"),),
        ),
        Item("chair", "Chair", "Стул", "Office", "Офис", (), (FILE,)),
    ]


@pytest.fixture(scope="module")
def phrases():
    declare_missing_ops()
    from indexing.training.starter.learnt_texts import collect_phrases

    return collect_phrases(make_items(), [("kettle", "чайник")], seed=0)


def test_the_meaning_of_a_russian_text_is_its_english_counterpart(phrases):
    meanings = {one.text: one.meaning for one in phrases.shop}

    assert meanings["Кофейная кружка"] == "Coffee mug"
    assert meanings["чайник"] == "kettle"
    assert meanings["Drink"] == "Drink"
    assert meanings["подушка"] == "pillow", "common goods are missing"
    assert {one.text: one.meaning for one in phrases.emoji}["молоток"] == "hammer"


def test_names_get_attributes_in_both_languages(phrases):
    mugs = [one for one in phrases.described if one.meaning.endswith(" coffee mug")]

    assert len(mugs) == 8
    assert {one.russian for one in mugs} == {True, False}
    assert all("кофейная кружка" in one.text.lower() for one in mugs if one.russian)


def test_a_tag_means_an_english_word_or_the_names_of_its_emoji(phrases):
    meanings = {one.text: one.meaning for one in phrases.tags}

    assert meanings["лейкопластырь"] == "adhesive bandage"
    assert any(" | " in meaning for meaning in meanings.values())


def test_left_out_texts_are_in_no_source():
    declare_missing_ops()
    from indexing.training.starter.learnt_texts import collect_phrases

    left = collect_phrases(make_items(), [], seed=0, left_out=["молоток", "Hammer", "чайник"])

    texts = {
        one.text.lower() for part in (left.shop, left.emoji, left.tags, left.world) for one in part
    }
    assert "молоток" not in texts
    assert "hammer" not in {meaning.lower() for meaning in left.meanings()}
    assert not [one for one in left.described if one.text.endswith("молоток")]


def test_the_vector_of_several_meanings_lies_between_theirs():
    declare_missing_ops()
    import torch

    from indexing.training.starter.word_space import compute_meanings

    class Teacher:
        def embed(self, texts, progress=""):
            known = {"cup": [1.0, 0, 0], "mug": [0, 1.0, 0], "cat": [-1.0, -1.0, 0]}
            return torch.tensor([known[text] for text in texts])

    _, vectors = compute_meanings(Teacher(), ["cup | mug"], ["cup", "mug", "cat"], numbers=2)

    both = vectors["cup | mug"]
    assert both.norm().item() == pytest.approx(1)
    assert (both @ vectors["cup"]).item() == pytest.approx((both @ vectors["mug"]).item(), abs=1e-5)
    assert both @ vectors["cat"] < 0 < both @ vectors["cup"]


def test_a_few_steps_of_distillation_lower_the_loss():
    declare_missing_ops()
    import torch
    from open_clip.model import CLIPTextCfg, _build_text_tower

    from indexing.training.starter.learnt_texts import Phrase, Phrases
    from indexing.training.starter.text_tower import distil

    # Given a small tower and two words in two languages.
    torch.manual_seed(0)
    tower = _build_text_tower(512, CLIPTextCfg(context_length=48, width=32, heads=2, layers=1))
    both = [Phrase("mug", "mug"), Phrase("кружка", "mug", True), Phrase("cat", "cat")]
    phrases = Phrases(shop=both, described=[], emoji=[], tags=[], world=[])
    mug, cat = torch.nn.functional.normalize(torch.randn(2, 128), dim=1)

    # When it is trained for 12 steps.
    losses = distil(tower, phrases, {"mug": mug, "cat": cat}, seed=0, steps=12)

    # Then the loss is lower, and the numbers of looks are zero.
    assert losses[-1] < 0.7 * losses[0]
    assert not tower.text_projection[:, 128:].any()
