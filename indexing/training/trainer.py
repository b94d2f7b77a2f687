"""Contrastive training of an encoder's image tower; `python -m indexing.training.trainer` is one
process of it, whether started alone or by torchrun."""

import json
import math
import sys
from collections.abc import Iterator
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
from indexing.training.distributed import Place, gathered, place_of_this_process
from indexing.training.held_out import HeldOut
from indexing.training.losses import length_loss, product_loss, text_loss
from indexing.training.network import FROZEN, Texts, TrainedTower, loaded
from indexing.training.pairs import read_items, read_pairs
from indexing.training.pictures.emoji_pairs import read_emoji
from indexing.training.pictures.shopper_photos import read_backgrounds

TEXT_WEIGHT = 1.0
LENGTH_WEIGHT = 0.3
WARM_UP = 20  # steps
CHECKPOINT_EVERY = 50  # steps
MEASURE_EVERY = 100  # steps
GRADIENT_NORM = 5.0


@dataclass(frozen=True)
class Plan:
    """Everything that a training run depends on. `steps` and `products` (a step) are those of all
    processes together, so that their number changes nothing but the pace. `pairs`: lists of photos
    to learn from; `held_out`: to measure on; paths as strings."""

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
    frozen: tuple[str, ...] = FROZEN
    seed: int = 0

    @classmethod
    def read(cls, path: Path) -> "Plan":
        values = json.loads(path.read_text("utf-8"))
        lists = ("pairs", "held_out", "frozen")
        return cls(**{**values, **{name: tuple(values[name]) for name in lists}})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")


class Training:
    """One process's share of a training run. `bank`: unit (products, views, d), the catalogue as it
    was last seen."""

    def __init__(self, plan: Plan, folder: Path, place: Place) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.place = plan, folder, place
        items = read_items(Path(plan.catalog))
        emoji = read_emoji()
        encoder = loaded(Path(plan.start))
        self.texts = Texts(encoder, items, [[*e.names_en, *e.names_ru] for e in emoji])
        self.texts.vectors = self.texts.vectors.to(place.device)
        self.batches = Batches(
            items,
            read_pairs(map(Path, plan.pairs), items),
            read_backgrounds(),
            [e.file for e in emoji],
            products=max(1, plan.products // place.world),
            size=plan.size,
            seed=f"{plan.seed} {place.rank}",
        )
        self.tower = TrainedTower(encoder.image_tower, plan.frozen).to(place.device)
        parallel = place.world > 1
        self.model = DistributedDataParallel(self.tower) if parallel else self.tower
        groups = self.tower.groups(plan.rate, plan.head_factor)
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        self.rates = [group["lr"] for group in groups]
        self.held_out = HeldOut(items, map(Path, plan.held_out), plan.size)
        self.bank = torch.empty(0)
        self.step = 0
        self.history: list[dict[str, float]] = []

    def run(self) -> None:
        """Trains to the end of the plan, from the last checkpoint of the same plan."""
        if state := load_checkpoint(self.folder, self._described()):
            self._restore(state)
        else:
            self.bank = self.held_out.catalogue(self._encode)
        bar = tqdm(
            self._upcoming(),
            "Images",
            self.plan.steps,
            initial=self.step,
            disable=not self.place.leads,
        )
        for batch in bar:
            losses = self._learn(batch)
            bar.set_postfix({k: f"{v:.3f}" for k, v in losses.items()}, refresh=False)
            self.history.append({"step": self.step, **losses})
            self.step += 1
            last = self.step == self.plan.steps
            if self.step % MEASURE_EVERY == 0 or last:
                self.bank = self.held_out.catalogue(self._encode)
                self.history[-1].update(self.held_out.recalls(self._encode, self.bank))
            if self.step % CHECKPOINT_EVERY == 0 or last:
                self._save()

    def _learn(self, batch: Batch) -> dict[str, float]:
        pace = self._pace()
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * pace
        device, count = self.place.device, len(batch.products)
        with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
            vectors = self.model(batch.pixels.to(device, non_blocking=True)).float()
        unit = F.normalize(vectors, dim=1)
        photos = gathered(unit[:count], self.place)
        images = gathered(unit[count : 2 * count], self.place)
        products = gathered(batch.products.to(device), self.place)
        views = gathered(batch.views.to(device), self.place)
        bank = self.bank.index_put((products, views), images)
        right = self.texts.meaning(torch.cat([batch.products] * 2), batch.pictures).to(device)
        words = self.texts.informed
        losses = {
            "product": product_loss(photos, images, products, bank),
            "text": text_loss(F.normalize(vectors[:, :words], dim=1), self.texts.vectors, right),
            "length": self._lengths(vectors),
        }
        # DDP takes the mean over processes: right for what each has of its own rows.
        total = losses["product"] * self.place.world
        total = total + TEXT_WEIGHT * losses["text"] + LENGTH_WEIGHT * losses["length"]
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.tower.parameters(), GRADIENT_NORM)
        self.optimizer.step()
        self.bank = bank.detach()
        return {name: loss.item() for name, loss in losses.items()}

    def _lengths(self, vectors: torch.Tensor) -> torch.Tensor:
        """Where texts say nothing in the last numbers, those are looks."""
        words = self.texts.informed
        if words == vectors.shape[1]:
            return vectors.new_zeros(())
        return length_loss({1.0: vectors[:, :words], self.plan.looks_length: vectors[:, words:]})

    def _pace(self) -> float:
        """1 after a warm-up, then down to 0 along a cosine."""
        turned = math.cos(math.pi * self.step / self.plan.steps)
        return min(1.0, (self.step + 1) / WARM_UP) * (0.5 + 0.5 * turned)

    def _upcoming(self) -> Iterator[Batch]:
        """The batches from this step on, made ahead by a process of their own."""
        order = range(self.step, self.plan.steps)
        loader = DataLoader(
            self.batches, batch_size=None, sampler=order, num_workers=1, prefetch_factor=4
        )
        return iter(loader)

    @torch.no_grad()
    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 (n, size, size, 3) → unit (n, d)."""
        return F.normalize(self.tower(pixels.to(self.place.device)), dim=1)

    def _described(self) -> dict[str, Any]:
        return json.loads(json.dumps({**asdict(self.plan), "world": self.place.world}))

    def _save(self) -> None:
        if not self.place.leads:
            return
        state = {
            "plan": self._described(),
            "step": self.step,
            "visual": self.tower.tower.model.visual.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "bank": self.bank.cpu(),
            "history": self.history,
        }
        save_checkpoint(self.folder, state)
        draw_curves(self.history, self.folder / "curves.png")

    def _restore(self, state: dict[str, Any]) -> None:
        self.tower.tower.model.visual.load_state_dict(state["visual"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.bank = state["bank"].to(self.place.device)
        self.step, self.history = state["step"], state["history"]


def main(folder: Path) -> None:
    """Carries out `plan.json` of a folder; the checkpoint and its curves come to lie beside it."""
    with place_of_this_process() as place:
        Training(Plan.read(folder / "plan.json"), folder, place).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
