"""Training curves, drawn or as numbers."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

SMOOTHING_STEPS = 20
MAX_POINTS = 60  # of a curve as numbers


def draw_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draws the losses and, below them, the recall on held-out photos, as a PNG file. `history`: a
    row for each step, with `step`, the losses, and the recalls if they were measured. Without
    matplotlib, which only requirements-train.txt installs, it draws nothing."""
    if find_spec("matplotlib") is None:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    names = sorted({name for row in history for name in row} - {"step"})
    for name in names:
        steps = [row["step"] for row in history if name in row]
        values = [row[name] for row in history if name in row]
        if "recall" in name:
            below.plot(steps, values, marker="o", label=name)
        else:
            above.plot(steps, _smooth_values(values), label=name)
    above.set_ylabel(f"loss, mean of {SMOOTHING_STEPS} steps")
    below.set_ylabel("recall on held-out photos")
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
    part = path.with_name(f".{path.name}")
    figure.savefig(part, format="png", dpi=110)
    part.replace(path)


def summarise_curves(history: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Returns at most MAX_POINTS points of each loss, each the mean of SMOOTHING_STEPS steps:
    `step`, and the losses by name. The last step is among them. Empty without history."""
    names = sorted(set(history[0]) - {"step"}) if history else []
    every = -(-len(history) // MAX_POINTS)
    chosen = range(len(history) - 1, -1, -every)[::-1] if history else range(0)
    curves = {"step": [history[n]["step"] for n in chosen]} if names else {}
    for name in names:
        smooth = _smooth_values([row[name] for row in history])
        curves[name] = [round(smooth[n], 4) for n in chosen]
    return curves


def _smooth_values(values: Sequence[float]) -> list[float]:
    means = []
    for end in range(1, len(values) + 1):
        window = values[max(0, end - SMOOTHING_STEPS) : end]
        means.append(sum(window) / len(window))
    return means
