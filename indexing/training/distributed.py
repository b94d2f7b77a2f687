"""Distributed training: several processes, started by torchrun, train one model."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

ROOT = Path(__file__).resolve().parents[2]


class TrainingFailed(RuntimeError):
    """Training did not finish. The message gives the reason."""


@dataclass(frozen=True)
class Process:
    """One of `world` training processes, its rank, and the device that it computes on."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_leader(self) -> bool:
        return self.rank == 0


@contextmanager
def join_process_group() -> Iterator[Process]:
    """Joins the process group if torchrun started this process, by nccl on CUDA and gloo on CPU."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if world == 1:
        yield Process(rank, world, device)
        return
    if cuda:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world))
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Process(rank, world, device)
    finally:
        dist.destroy_process_group()


def gather_rows(rows: torch.Tensor, process: Process) -> torch.Tensor:
    """Gathers `rows` (n, …) of all processes into (world · n, …), in order of rank.

    Gradients flow only to the rows of this process. Every process computes the same loss of all
    rows, so the sum of the processes' gradients is the gradient of the loss."""
    if process.world == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(process.world)]
    dist.all_gather(parts, rows.contiguous())
    parts[process.rank] = rows
    return torch.cat(parts)


def run_on_processes(count: int, module: str, arguments: Sequence[str]) -> None:
    """Runs `python -m module arguments` on `count` processes of this machine, by torchrun. They
    write to the output of this process. Raises TrainingFailed."""
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "--module"]
    start = [sys.executable, "-m", *launcher] if count > 1 else [sys.executable, "-m"]
    done = subprocess.run([*start, module, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise TrainingFailed(
            f"Training failed with exit status {done.returncode}: see the output above."
        )
