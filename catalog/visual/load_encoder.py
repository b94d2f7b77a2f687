"""Loads encoders on CPU or CUDA."""

import os
import threading
from pathlib import Path

from catalog.visual.cuda_devices import claim_device
from catalog.visual.encoder import Encoder
from catalog.visual.model_source import checksum_now
from catalog.visual.openvino_encoder import OpenVinoEncoder
from catalog.visual.torch_encoder import TorchEncoder

_loaded: dict[tuple[int, str, str], Encoder] = {}
_loading = threading.Lock()
_device = (0, 0)  # the process that has claimed a CUDA device, and the device


def load_encoder(
    name: str, cache: Path, device: str = "auto", threads: int = 0, checksum: str = ""
) -> Encoder:
    """Returns the encoder of that name as it is now. With a `checksum`, returns the version with
    that checksum: compiled models are kept when the weights change.

    A process loads each encoder once. A forked child loads its own, because threads and CUDA
    contexts do not survive a fork. `device`: auto, cpu or cuda. Raises EncoderError."""
    key = (os.getpid(), name, checksum or checksum_now(name))
    with _loading:
        if key not in _loaded:
            if _use_cuda(device):
                _loaded[key] = TorchEncoder(name, _cuda_device(cache))
            else:
                _loaded[key] = OpenVinoEncoder(name, cache, threads, checksum)
        return _loaded[key]


def _cuda_device(cache: Path) -> str:
    """Returns the CUDA device of this process: always the same one, and others for others."""
    import torch

    global _device
    if _device[0] != os.getpid():
        places = range(torch.cuda.device_count())
        devices = [str(torch.cuda.get_device_properties(place).uuid) for place in places]
        _device = os.getpid(), claim_device(devices, cache)
    return f"cuda:{_device[1]}"


def _use_cuda(device: str) -> bool:
    if device == "auto":
        if not Path("/dev/nvidiactl").exists():
            return False  # without importing torch
        import torch

        return torch.cuda.is_available()
    return device == "cuda"
