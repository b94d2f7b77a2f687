"""The text tower: a small CLIP transformer that learns MiniLM's word vectors.

It learns the word numbers by distillation (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).
The numbers of looks stay zero, so that the cosine of a text with an image compares only words.
"""

import random
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer
from open_clip.transformer import TextTransformer
from tqdm import tqdm

from indexing.training.starter.image_head import WORD_NUMBERS
from indexing.training.starter.learnt_texts import Phrase, Phrases
from indexing.training.starter.minilm import MiniLM
from indexing.training.starter.word_space import WordSpace

STEPS = 2600
# Texts per step, by source and language.  The words of the shop are over-represented. So is
# Russian, because CLIP's tokens spell it almost letter by letter.
_ENGLISH = {"shop": 40, "described": 40, "emoji": 24, "world": 120}
_RUSSIAN = {"shop": 60, "described": 44, "emoji": 32, "tags": 24}
# Parts of texts of similar length need less padding.
_PARTS = 4
# Longer texts are truncated in training. Later positions share the embedding of the last.
_LEARNT_POSITIONS = 40
_LEARNING_RATE = 2e-3
_WARM_UP = 0.05
_TOKEN_DEVIATION = 0.05
# The weight of the relations to the other meanings of a step.
_RELATION_WEIGHT = 0.15
_TEMPERATURE = 0.05


def make_token_table(teacher: MiniLM, space: WordSpace, width: int) -> torch.Tensor:
    """Returns the initial token embeddings, (vocabulary, width), made of the teacher's embeddings
    of the tokens. Words that no training text contains thus start near similar words."""
    tokenizer = SimpleTokenizer()
    texts = []
    for token in range(tokenizer.vocab_size):
        piece = tokenizer.decoder[token].removesuffix("</w>")
        data = bytes(tokenizer.byte_decoder.get(character, 32) for character in piece)
        texts.append(data.decode("utf-8", errors="replace"))
    table = space.project(teacher.embed(texts, progress="Tokens"))[:, :width]
    return table * (_TOKEN_DEVIATION / table.std())


def distil(
    tower: TextTransformer,
    phrases: Phrases,
    vectors: Mapping[str, torch.Tensor],
    seed: int,
    steps: int = STEPS,
) -> list[float]:
    """Trains `tower` in place to encode each phrase, in any prompt, as the vector of its meaning.

    `vectors`: the unit word vector (128) of each meaning.  Returns the loss of each step. Takes
    about ten minutes on two idle cores.
    """
    rng = random.Random(seed)
    torch.manual_seed(seed)
    tokenizer = SimpleTokenizer(context_length=_LEARNT_POSITIONS)
    optimizer = torch.optim.AdamW(tower.parameters(), weight_decay=0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _LEARNING_RATE, total_steps=steps, pct_start=_WARM_UP
    )
    draw = _PhraseSampler(phrases)
    losses = []
    for _ in (bar := tqdm(range(steps), desc="Text words")):
        batch = draw(rng)
        tokens = tokenizer([phrase.write_prompt(rng) for phrase in batch])
        targets = torch.stack([vectors[phrase.meaning] for phrase in batch])
        optimizer.zero_grad()
        losses.append(_add_gradients(tower, tokens, targets))
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    with torch.no_grad():
        tower.text_projection[:, WORD_NUMBERS:] = 0
        tower.positional_embedding[_LEARNT_POSITIONS:] = tower.positional_embedding[
            _LEARNT_POSITIONS - 1
        ]
    return losses


def _add_gradients(tower: TextTransformer, tokens: torch.Tensor, targets: torch.Tensor) -> float:
    """Adds the gradients of the mean loss of `tokens` (n, positions), in parts of similar length,
    and returns that loss."""
    loss = 0.0
    for part in tokens.argmax(1).argsort().chunk(_PARTS):
        part_loss = _loss(_encode_words(tower, tokens[part]), targets[part], targets)
        part_loss = part_loss * len(part) / len(tokens)
        part_loss.backward()
        loss += part_loss.item()
    return loss


class _PhraseSampler:
    """Draws the phrases of a step: a fixed number of each source and language."""

    def __init__(self, phrases: Phrases) -> None:
        self._shares: list[tuple[list[Phrase], int]] = []
        for russian, shares in ((False, _ENGLISH), (True, _RUSSIAN)):
            for source, share in shares.items():
                chosen = [one for one in getattr(phrases, source) if one.russian is russian]
                if chosen:
                    self._shares.append((chosen, share))

    def __call__(self, rng: random.Random) -> list[Phrase]:
        return [phrase for source, share in self._shares for phrase in rng.choices(source, k=share)]


def _loss(vectors: torch.Tensor, targets: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Returns the mean of one minus the cosine of `vectors` (n, d) with `targets`, plus the loss of
    their relations to `others` (m, d).

    Relations are the softmax of similarities to `others`. The vectors learn the relations of their
    targets, so that similar meanings are not pushed apart (Fang et al. 2021,
    https://arxiv.org/abs/2101.04731).
    """
    vectors = F.normalize(vectors, dim=-1)
    expected = (targets @ others.T / _TEMPERATURE).softmax(1)
    relations = F.cross_entropy(vectors @ others.T / _TEMPERATURE, expected)
    return 1 - (vectors * targets).sum(1).mean() + _RELATION_WEIGHT * relations


def _encode_words(tower: TextTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """Returns the word vectors of `tokens`. Runs the tower only on the columns of the longest text,
    which does not change the result because of the causal mask."""
    full = tower.attn_mask
    length = int(tokens.argmax(1).max()) + 1
    tower.attn_mask = full[:length, :length]
    try:
        return tower(tokens[:, :length])[:, :WORD_NUMBERS]
    finally:
        tower.attn_mask = full
