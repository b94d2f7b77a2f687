"""Converts open_clip's tokenizers to files of the `tokenizers` library, which needs no torch."""

import html
from typing import Any

import ftfy
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from catalog.visual.errors import EncoderError

_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clean_text(text: str) -> str:
    """Cleans a text as open_clip does before tokenization: fixes typographic quotes, entities and
    broken encodings, and collapses spaces. Exported tokenizers need it too."""
    return " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split())


def export_tokenizer(tokenizer: Any) -> Tokenizer:
    """Converts open_clip's SimpleTokenizer (CLIP's BPE) or HFTokenizer to a `tokenizers.Tokenizer`
    that pads and truncates to the model's context. Raises EncoderError for any other tokenizer."""
    context = tokenizer.context_length
    if hasattr(tokenizer, "bpe_ranks"):
        fast, pad_id, pad_token = _clip_bpe(tokenizer), 0, "!"
    elif hasattr(tokenizer, "tokenizer"):
        inner = tokenizer.tokenizer
        fast = Tokenizer.from_str(inner.backend_tokenizer.to_str())
        pad_id, pad_token = inner.pad_token_id or 0, inner.pad_token or "[PAD]"
    else:
        raise EncoderError(f"The tokenizer {type(tokenizer).__name__} is not supported.")
    fast.enable_truncation(context)
    fast.enable_padding(length=context, pad_id=pad_id, pad_token=pad_token)
    return fast


def _clip_bpe(tokenizer: Any) -> Tokenizer:
    start, end = tokenizer.all_special_ids[:2]
    names = {number: token for token, number in tokenizer.encoder.items()}
    fast = Tokenizer(
        models.BPE(
            vocab=tokenizer.encoder,
            merges=list(tokenizer.bpe_ranks),
            end_of_word_suffix="</w>",
            continuing_subword_prefix="",
        )
    )
    fast.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
            normalizers.Lowercase(),
        ]
    )
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    fast.decoder = decoders.ByteLevel()
    fast.post_processor = processors.TemplateProcessing(
        single=f"{names[start]} $A {names[end]}",
        special_tokens=[(names[start], start), (names[end], end)],
    )
    return fast
