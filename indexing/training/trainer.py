"""Contrastive training of the image tower of an encoder.

`python -m indexing.training.trainer FOLDER` runs one training process, alone or under torchrun."""

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from tqdm import tqdm

from indexing.training.batches import Batch, Batches
from indexing.training.checkpoints import load_checkpoint, save_checkpoint
from indexing.training.curves import draw_curves
from indexing.training.distributed import Process, gather_rows, join_process_group
from indexing.training.held_out import HeldOut
from indexing.training.losses import length_loss, product_loss, text_loss
from indexing.training.network import (
    FROZEN_LAYERS,
    Texts,
    TrainedTower,
    half_precision,
    load_model,
)
from indexing.training.pairs import Item, read_items, read_pairs
from indexing.training.pictures.emoji_pairs import read_emoji
from indexing.training.pictures.shopper_photos import read_backgrounds
from indexing.training.shop.lesson_folder import write_history, write_progress

LENGTH_WEIGHT = 0.3
WARM_UP_STEPS = 20
CHECKPOINT_EVERY = 25  # steps
LENGTH_SAMPLE = 64  # products
MEASURE_EVERY = 100  # steps
MAX_GRADIENT_NORM = 5.0


@dataclass(frozen=True)
class Plan:
    """All parameters of a training run.

    `start`: folder of the model to start from. `pairs` and `held_out`: lists of photos to train on
    and to measure on. `products`: products per step, of all processes together, so that the number
    of processes changes only the speed. `size`: of the images, in pixels. `rate`: learning rate of
    the trunk. The learning rate of the head is `head_factor` times as high. `looks_length`: length
    of the part of the vectors that texts do not use; 0 keeps both lengths of the start.
    `view_share`: share of the photos that are catalogue photos as they are. `frozen`: layers that
    are not trained. Paths are strings."""

    start: str
    catalog: str
    pairs: tuple[str, ...]
    held_out: tuple[str, ...]
    steps: int
    products: int
    size: int
    rate: float
    head_factor: float = 2.5
    looks_length: float = 1.5
    view_share: float = 0.0
    text_weight: float = 1.0
    frozen: tuple[str, ...] = FROZEN_LAYERS
    seed: int = 0

    @classmethod
    def read(cls, path: Path) -> "Plan":
        values = json.loads(path.read_text("utf-8"))
        lists = ("pairs", "held_out", "frozen")
        return cls(**{**values, **{name: tuple(values[name]) for name in lists}})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")


class Training:
    """The work of one process on a training run. `bank`: unit (products, views, d), the catalogue
    as last encoded."""

    def __init__(self, plan: Plan, folder: Path, process: Process) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.process = plan, folder, process
        items = read_items(Path(plan.catalog))
        emoji = read_emoji()
        encoder = load_model(Path(plan.start))
        self.texts = Texts(encoder, items, [[*e.names_en, *e.names_ru] for e in emoji])
        self.texts.vectors = self.texts.vectors.to(process.device)
        self.batches = Batches(
            items,
            read_pairs(map(Path, plan.pairs), items),
            read_backgrounds(),
            [e.file for e in emoji],
            products=max(1, plan.products // process.world),
            size=plan.size,
            seed=f"{plan.seed} {process.rank}",
            view_share=plan.view_share,
        )
        self.views = torch.tensor([len(item.images) for item in items], device=process.device)
        self.tower = TrainedTower(encoder.image_tower, plan.frozen).to(process.device)
        parallel = process.world > 1
        self.model = DistributedDataParallel(self.tower) if parallel else self.tower
        groups = self.tower.parameter_groups(plan.rate, plan.head_factor)
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        self.rates = [group["lr"] for group in groups]
        self.held_out = HeldOut(items, map(Path, plan.held_out), plan.size)
        self.lengths = self._choose_lengths(items)
        self.bank = torch.empty(0)
        self.step = 0
        self.history: list[dict[str, float]] = []

    def run(self) -> None:
        """Trains to the end of the plan, from its last checkpoint on if there is one."""
        if state := load_checkpoint(self.folder, self._plan_as_json()):
            self._restore(state)
        else:
            self.bank = self.held_out.encode_catalogue(self._encode)
        bar = tqdm(
            self._load_batches(),
            "Images",
            self.plan.steps,
            initial=self.step,
            disable=not self.process.is_leader,
        )
        for batch in bar:
            losses = self._train_step(batch)
            bar.set_postfix({k: f"{v:.3f}" for k, v in losses.items()}, refresh=False)
            self.history.append({"step": self.step, **losses})
            self.step += 1
            self._report_progress()
            last = self.step == self.plan.steps
            if self.plan.held_out and (self.step % MEASURE_EVERY == 0 or last):
                self.bank = self.held_out.encode_catalogue(self._encode)
                self.history[-1].update(self.held_out.measure_recalls(self._encode, self.bank))
            if self.step % CHECKPOINT_EVERY == 0 or last:
                self._save()

    def _train_step(self, batch: Batch) -> dict[str, float]:
        factor = self._rate_factor()
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        device = self.process.device
        with half_precision(device):
            vectors = self.model(batch.pixels.to(device, non_blocking=True)).float()
        losses = self._compute_losses(batch, vectors)
        self.optimizer.zero_grad()
        sum(losses.values(), torch.zeros((), device=device)).backward()
        torch.nn.utils.clip_grad_norm_(self.tower.parameters(), MAX_GRADIENT_NORM)
        self.optimizer.step()
        return {name: loss.item() for name, loss in losses.items()}

    def _compute_losses(self, batch: Batch, vectors: torch.Tensor) -> dict[str, torch.Tensor]:
        """Returns the weighted losses of a batch, and puts its catalogue images into the bank."""
        device, count = self.process.device, len(batch.products)
        unit = F.normalize(vectors, dim=1)
        photos = gather_rows(unit[:count], self.process)
        images = gather_rows(unit[count : 2 * count], self.process)
        products, views, sources = (
            gather_rows(rows.to(device), self.process)
            for rows in (batch.products, batch.views, batch.sources)
        )
        bank = self.bank.index_put((products, views), images)
        self.bank = bank.detach()
        labels = self.texts.select(torch.cat([batch.products] * 2), batch.pictures).to(device)
        words = F.normalize(vectors[:, : self.texts.informed], dim=1)
        # DDP averages gradients over the processes. This is right for losses of the process's own
        # rows. The product loss is the same on all processes, so its gradients must be summed.
        own = self._own(products, sources)
        return {
            "product": product_loss(photos, images, products, bank, own) * self.process.world,
            "text": self.plan.text_weight * text_loss(words, self.texts.vectors, labels),
            "length": LENGTH_WEIGHT * self._length_loss(vectors),
        }

    def _own(self, products: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """Returns which views of their own product photos must not be found by, bool (n, views):
        the view that the photo is, and the repeated ones that fill the bank."""
        view = torch.arange(self.bank.shape[1], device=products.device)
        is_own = (view == sources[:, None]) | (view >= self.views[products, None])
        return is_own & (sources >= 0)[:, None]

    def _length_loss(self, vectors: torch.Tensor) -> torch.Tensor:
        """Returns the length loss if texts leave the last numbers to looks, else 0."""
        words = self.texts.informed
        if words == vectors.shape[1]:
            return vectors.new_zeros(())
        return length_loss(
            [(self.lengths[0], vectors[:, :words]), (self.lengths[1], vectors[:, words:])]
        )

    @torch.no_grad()
    def _choose_lengths(self, items: Sequence[Item]) -> tuple[float, float]:
        """Returns the lengths that the parts of the vectors for words and for looks keep."""
        if self.plan.looks_length:
            return 1.0, self.plan.looks_length
        vectors = self.held_out.encode_first_views(
            items[:LENGTH_SAMPLE], lambda pixels: self.tower(pixels.to(self.process.device))
        )
        words = self.texts.informed
        lengths = [part.norm(dim=1).mean().item() for part in vectors.tensor_split([words], dim=1)]
        return lengths[0], lengths[1]

    def _rate_factor(self) -> float:
        """Returns the factor of the learning rate: a warm-up to 1, then a cosine down to 0."""
        cosine = math.cos(math.pi * self.step / self.plan.steps)
        return min(1.0, (self.step + 1) / WARM_UP_STEPS) * (0.5 + 0.5 * cosine)

    def _load_batches(self) -> Iterator[Batch]:
        """Yields the batches from the current step on. Another process prepares them in advance."""
        order = range(self.step, self.plan.steps)
        loader = DataLoader(
            self.batches,
            batch_size=None,
            sampler=order,
            num_workers=1,
            prefetch_factor=2,
            worker_init_fn=_make_way,
        )
        return iter(loader)

    @torch.no_grad()
    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encodes pixels, uint8 (n, size, size, 3), as unit vectors (n, d)."""
        return F.normalize(self.tower(pixels.to(self.process.device)), dim=1)

    def _plan_as_json(self) -> dict[str, Any]:
        return json.loads(json.dumps({**asdict(self.plan), "world": self.process.world}))

    def _report_progress(self) -> None:
        if self.process.is_leader:
            write_progress(self.folder, self.step)

    def _save(self) -> None:
        if not self.process.is_leader:
            return
        state = {
            "plan": self._plan_as_json(),
            "step": self.step,
            "visual": self.tower.tower.model.visual.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "bank": self.bank.cpu(),
            "history": self.history,
        }
        save_checkpoint(self.folder, state)
        draw_curves(self.history, self.folder / "curves.png")
        write_history(self.folder, self.history)

    def _restore(self, state: dict[str, Any]) -> None:
        self.tower.tower.model.visual.load_state_dict(state["visual"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.bank = state["bank"].to(self.process.device)
        self.step, self.history = state["step"], state["history"]


def _make_way(_worker: int) -> None:
    """Lowers the priority of a process that prepares batches. The threads of a training step wait
    for each other, so a step is late if one of them is."""
    os.nice(10)


def main(folder: Path) -> None:
    """Runs the plan in `plan.json` of the folder, and writes the checkpoint and the curves beside
    it."""
    with join_process_group() as process:
        Training(Plan.read(folder / "plan.json"), folder, process).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
