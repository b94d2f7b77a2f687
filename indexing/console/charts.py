"""Charts of lines, as the console's pages draw them with Chart.js."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLOURS = ("var(--color-primary-500)", "var(--color-red-500)", "var(--color-base-400)")


@dataclass(frozen=True)
class Chart:
    """A chart as unfold draws it. `lines`: the name and colour of each; `data`: JSON for Chart.js;
    `meaning`: its last values in words, for those who cannot see it."""

    title: str
    meaning: str
    lines: list[tuple[str, str]]
    data: str


def draw_chart(
    title: str, labels: Sequence[str], lines: Mapping[str, Sequence[float | None]]
) -> Chart:
    """Returns a chart of at most as many lines as there are COLOURS. `labels`: of the points, which
    all lines share; `lines`: the name and the values of each."""
    datasets = [
        {
            "label": name,
            "data": list(values),
            "borderColor": colour,
            "displayYAxis": True,
            "maxTicksXLimit": 6,
            "pointRadius": 0 if sum(value is not None for value in values) > 2 else 3,
            "spanGaps": True,
        }
        for (name, values), colour in zip(lines.items(), COLOURS, strict=False)
    ]
    last = ", ".join(f"{name} {_last(values)}" for name, values in lines.items())
    return Chart(
        title=title,
        meaning=f"{title}: {last}",
        lines=list(zip(lines, COLOURS, strict=False)),
        data=json.dumps({"labels": list(labels), "datasets": datasets}),
    )


def _last(values: Sequence[float | None]) -> str:
    return next((f"{value:g}" for value in reversed(values) if value is not None), "–")
