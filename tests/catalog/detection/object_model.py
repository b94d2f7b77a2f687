"""A small, untrained model with an object head."""

import json
from pathlib import Path
from typing import Any

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual.encoder import ObjectHeadSettings

SIDE = 64  # pixels of the input: 4 × 4 cells
MODEL: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {
        "timm_model_name": "tf_efficientnet_lite0",
        "timm_model_pretrained": False,
        "timm_pool": "",
        "timm_proj": "mlp",
        "image_size": SIDE,
    },
    "text_cfg": {
        "context_length": 12,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}
PREPROCESSING = {
    "size": SIDE,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bilinear",
    "resize_mode": "longest",
    "fill_color": 255,
}


CHANNELS = 112, 320  # of the feature maps of stride 16 and 32


def efficientnet_model(folder: Path, head: bool = True) -> str:
    """Writes an open_clip model with the starter's kind of image tower and random weights to
    `folder`, and returns its encoder name."""
    declare_missing_ops()
    import open_clip
    import torch
    from safetensors.torch import save_file

    from catalog.detection.object_head import save_object_head

    torch.manual_seed(0)
    folder.mkdir()
    model = open_clip.CustomTextCLIP(**MODEL).eval()
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    described = {"model_cfg": {**MODEL, "custom_text": True}, "preprocess_cfg": PREPROCESSING}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    if head:
        save_object_head(random_head(), ObjectHeadSettings(threshold=0.25, margin=0.1), folder)
    return f"local-dir:{folder}"


def random_head(tells_single: bool = True) -> Any:
    """An untrained head whose cells differ."""
    import torch

    from catalog.detection.object_head import ObjectHead

    torch.manual_seed(1)
    head = ObjectHead(*CHANNELS, tells_single=tells_single)
    torch.nn.init.normal_(head.out.weight, std=0.5)
    torch.nn.init.zeros_(head.out.bias)
    return head.eval()
