"""The text tower: a small CLIP transformer that learns MiniLM's word vectors.

Distillation (Hinton et al. 2015, https://arxiv.org/abs/1503.02531) onto the word numbers;
the numbers of looks stay zero, so a text's cosine with an image compares words only.
"""

import random
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer
from open_clip.transformer import TextTransformer
from tqdm import tqdm

from indexing.training.starter.image_head import WORD_NUMBERS
from indexing.training.starter.minilm import MiniLM
from indexing.training.starter.vocabulary import Phrase
from indexing.training.starter.word_space import WordSpace

_STEPS = 1500
# Texts of one length together waste no work on padding.
_PARTS = 3
# Longer texts are cut while learning; later places share the last one's embedding.
_LEARNT_PLACES = 20
_SHOP_BATCH = 160
_WORLD_BATCH = 224
_LEARNING_RATE = 2e-3
_WARM_UP = 0.05
_TOKEN_DEVIATION = 0.05


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
    shop: Sequence[Phrase],
    world: Sequence[Phrase],
    vectors: dict[str, torch.Tensor],
    seed: int,
) -> None:
    """Trains `tower` in place so that each phrase, in any prompt, gives its meaning's vector.

    `vectors` holds the unit word vector (256) of every meaning.  About eight minutes on two
    cores.
    """
    rng = random.Random(seed)
    torch.manual_seed(seed)
    tokenizer = SimpleTokenizer(context_length=_LEARNT_PLACES)
    optimizer = torch.optim.AdamW(tower.parameters(), weight_decay=0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _LEARNING_RATE, total_steps=_STEPS, pct_start=_WARM_UP
    )
    for _ in (bar := tqdm(range(_STEPS), desc="Words of texts")):
        phrases = rng.choices(shop, k=_SHOP_BATCH) + rng.choices(world, k=_WORLD_BATCH)
        tokens = tokenizer([phrase.prompted(rng) for phrase in phrases])
        targets = torch.stack([vectors[phrase.meaning] for phrase in phrases])
        optimizer.zero_grad()
        loss = 0.0
        for part in tokens.argmax(1).argsort().chunk(_PARTS):
            cosines = F.cosine_similarity(_word_numbers(tower, tokens[part]), targets[part])
            part_loss = (1 - cosines).sum() / len(phrases)
            part_loss.backward()
            loss += part_loss.item()
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
    with torch.no_grad():
        tower.text_projection[:, WORD_NUMBERS:] = 0
        tower.positional_embedding[_LEARNT_PLACES:] = tower.positional_embedding[_LEARNT_PLACES - 1]


def _word_numbers(tower: TextTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """The tower on no more columns than its longest text; the causal mask makes it the same."""
    full = tower.attn_mask
    length = int(tokens.argmax(1).max()) + 1
    tower.attn_mask = full[:length, :length]
    try:
        return tower(tokens[:, :length])[:, :WORD_NUMBERS]
    finally:
        tower.attn_mask = full
