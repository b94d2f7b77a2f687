"""The text tower: a small CLIP transformer that learns MiniLM's word vectors.

Distillation (Hinton et al. 2015, https://arxiv.org/abs/1503.02531) onto the word numbers;
the numbers of looks stay zero, so a text's cosine with an image compares words only.
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
# Texts of a step, by where they come from and by language.  Short words of the shop weigh
# more than their number, and Russian, which CLIP's tokens spell almost by letters, most of all.
_ENGLISH = {"shop": 40, "described": 40, "emoji": 24, "world": 120}
_RUSSIAN = {"shop": 60, "described": 44, "emoji": 32, "tags": 24}
# Texts of one length together waste no work on padding.
_PARTS = 4
# Longer texts are cut while learning; later places share the last one's embedding.
_LEARNT_PLACES = 40
_LEARNING_RATE = 2e-3
_WARM_UP = 0.05
_TOKEN_DEVIATION = 0.05
# A text must also be as near to the other meanings of its step as its own meaning is.
_RELATIONS = 0.15
_TEMPERATURE = 0.05


def token_table(teacher: MiniLM, space: WordSpace, width: int) -> torch.Tensor:
    """(vocabulary, width) start of the token embeddings: the teacher's view of each token.

    Words that no training text holds then still lie near their like.
    """
    tokenizer = SimpleTokenizer()
    texts = []
    for token in range(tokenizer.vocab_size):
        piece = tokenizer.decoder[token].removesuffix("</w>")
        data = bytes(tokenizer.byte_decoder.get(character, 32) for character in piece)
        texts.append(data.decode("utf-8", errors="replace"))
    table = space.vectors(teacher.embed(texts, progress="Tokens"))[:, :width]
    return table * (_TOKEN_DEVIATION / table.std())


def distil(
    tower: TextTransformer,
    phrases: Phrases,
    vectors: Mapping[str, torch.Tensor],
    seed: int,
    steps: int = STEPS,
) -> list[float]:
    """Trains `tower` in place so that each phrase, in any prompt, gives its meaning's vector.

    `vectors` holds the unit word vector (256) of every meaning.  Returns the loss of each step.
    About ten minutes on two idle cores.
    """
    rng = random.Random(seed)
    torch.manual_seed(seed)
    tokenizer = SimpleTokenizer(context_length=_LEARNT_PLACES)
    optimizer = torch.optim.AdamW(tower.parameters(), weight_decay=0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _LEARNING_RATE, total_steps=steps, pct_start=_WARM_UP
    )
    draw = _Draw(phrases)
    losses = []
    for _ in (bar := tqdm(range(steps), desc="Words of texts")):
        batch = draw(rng)
        tokens = tokenizer([phrase.prompted(rng) for phrase in batch])
        targets = torch.stack([vectors[phrase.meaning] for phrase in batch])
        optimizer.zero_grad()
        losses.append(_add_gradients(tower, tokens, targets))
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    with torch.no_grad():
        tower.text_projection[:, WORD_NUMBERS:] = 0
        tower.positional_embedding[_LEARNT_PLACES:] = tower.positional_embedding[_LEARNT_PLACES - 1]
    return losses


def _add_gradients(tower: TextTransformer, tokens: torch.Tensor, targets: torch.Tensor) -> float:
    """Of the mean loss of (n, places) `tokens`, which is returned, in parts of like length."""
    loss = 0.0
    for part in tokens.argmax(1).argsort().chunk(_PARTS):
        part_loss = _loss(_word_numbers(tower, tokens[part]), targets[part], targets)
        part_loss = part_loss * len(part) / len(tokens)
        part_loss.backward()
        loss += part_loss.item()
    return loss


class _Draw:
    """Draws the phrases of a step: a fixed share of each source and language."""

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
    """One minus the cosine of (n, d) `vectors` with `targets`, and their relations to `others`.

    Relations are softmaxes of similarity over (m, d) `others`, the target's taught to the
    vector: equal meanings share, near ones half share (Fang et al. 2021,
    https://arxiv.org/abs/2101.04731).
    """
    vectors = F.normalize(vectors, dim=-1)
    wanted = (targets @ others.T / _TEMPERATURE).softmax(1)
    relations = F.cross_entropy(vectors @ others.T / _TEMPERATURE, wanted)
    return 1 - (vectors * targets).sum(1).mean() + _RELATIONS * relations


def _word_numbers(tower: TextTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """The tower on no more columns than its longest text; the causal mask makes it the same."""
    full = tower.attn_mask
    length = int(tokens.argmax(1).max()) + 1
    tower.attn_mask = full[:length, :length]
    try:
        return tower(tokens[:, :length])[:, :WORD_NUMBERS]
    finally:
        tower.attn_mask = full
