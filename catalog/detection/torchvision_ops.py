"""Makes torchvision importable beside the CPU build of torch.

PyPI's torchvision is linked against the CUDA build. Beside a CPU torch its compiled extension does
not load, and `import torchvision` fails with "operator torchvision::nms does not exist" when it
registers the fake kernels of two operators. open_clip and timm use only its pure-Python
transforms, so declaring the two schemas is enough.
"""

import importlib
import sys
import threading
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_lock = threading.Lock()
# The declarations last as long as this object.
_library: Any = None


def declare_missing_ops() -> None:
    """Imports torchvision, after it declared the operators if they do not load. Call it before the
    first import of open_clip, timm or torchvision; repeated calls do nothing. Raises what `import
    torchvision` raises for any other reason."""
    global _library
    with _lock:
        try:
            importlib.import_module("torchvision")
            return
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
        _forget_half_imported_torchvision()
        import torch

        _library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            _library.define(schema)
        importlib.import_module("torchvision")


def _forget_half_imported_torchvision() -> None:
    for name in list(sys.modules):
        if name == "torchvision" or name.startswith("torchvision."):
            del sys.modules[name]
