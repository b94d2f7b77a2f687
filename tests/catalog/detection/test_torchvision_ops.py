"""open_clip and timm can be imported beside the CPU build of torch."""

import subprocess
import sys

import pytest

from catalog.detection.torchvision_ops import declare_missing_ops


def in_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.long
def test_open_clip_and_timm_import_after_the_declaration() -> None:
    # In a new process: other tests may have imported them in this one.
    printed = in_new_process(
        "from catalog.detection.torchvision_ops import declare_missing_ops\n"
        "declare_missing_ops()\n"
        "import open_clip, timm, torch, torchvision\n"
        "from torchvision.transforms import Compose\n"
        "print(hasattr(torch.ops.torchvision, 'nms'))"
    )

    assert printed == "True"


def test_the_declaration_may_be_repeated() -> None:
    declare_missing_ops()
    first = sys.modules["torchvision"]

    declare_missing_ops()

    assert sys.modules["torchvision"] is first


def test_importing_the_module_does_not_import_torch() -> None:
    printed = in_new_process(
        "import sys, catalog.detection.torchvision_ops\nprint('torch' in sys.modules)"
    )

    assert printed == "False"


def test_another_failure_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError(f"{name} is broken in another way")

    monkeypatch.setattr("catalog.detection.torchvision_ops.importlib.import_module", broken)

    with pytest.raises(RuntimeError, match="another way"):
        declare_missing_ops()
