"""Several processes that train one model: torch.distributed, started by torchrun."""

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
    """Training did not end well; the message says why."""


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is, and what it computes on."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0


@contextmanager
def place_of_this_process() -> Iterator[Place]:
    """Joins the group that torchrun started, if it did: nccl on CUDA, gloo on CPU."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if world == 1:
        yield Place(rank, world, device)
        return
    if cuda:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world))
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Place(rank, world, device)
    finally:
        dist.destroy_process_group()


def gathered(rows: torch.Tensor, place: Place) -> torch.Tensor:
    """(n, …) of each process → (world · n, …) in order of rank. Gradients flow to our own rows:
    every process works out the same loss of all rows, and the sum of what they give is its whole
    gradient."""
    if place.world == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(place.world)]
    dist.all_gather(parts, rows.contiguous())
    parts[place.rank] = rows
    return torch.cat(parts)


def run_on_processes(count: int, module: str, arguments: Sequence[str]) -> None:
    """`python -m module arguments` on `count` processes of this machine, by torchrun; their output
    goes where ours goes. Raises TrainingFailed."""
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "--module"]
    start = [sys.executable, "-m", *launcher] if count > 1 else [sys.executable, "-m"]
    done = subprocess.run([*start, module, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise TrainingFailed(f"Training ended with status {done.returncode}: see above.")
