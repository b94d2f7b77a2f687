"""What a plan assumes, and prices. An operator sets each by name."""

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar


class UnknownName(Exception):
    """A name or a value that cannot be used. The message lists the names."""


@dataclass(frozen=True)
class Assumptions:
    """What this installation cannot measure. The defaults are stated with each plan."""

    server_memory_gb: float = 256
    server_cores: int = 32
    memory_share: float = 0.75  # of a database server, for what searches read
    build_bytes: float = 1.3  # memory that builds a graph, for each byte of it and its vectors
    utilisation: float = 0.5  # of cores, at the peak
    copies: int = 2  # of each shard, so that one may fail
    spare_disk: float = 0.3
    gpu_images_per_s: float = 1500
    refresh_share: float = 0.5  # of the time between two refreshes that one may take
    network_ms: float = 0.5  # there and back
    merge_ms: float = 0.05  # for the answer of each shard
    photo_kb: float = 60
    answer_kb: float = 50
    row_bytes: float = 48  # of a candidate, between servers
    average_load: float = 0.3  # of the peak, over a day
    rebuilds_a_year: float = 4


@dataclass(frozen=True)
class Prices:
    """What an operator pays, in any currency. What is None is left out of the cost."""

    server_month: float | None = None
    gpu_hour: float | None = None
    disk_gb_month: float | None = None
    network_gb: float | None = None


Given = TypeVar("Given", Assumptions, Prices)


def with_values(defaults: Given, items: list[str]) -> Given:
    """Returns `defaults` with the values of `NAME=VALUE` items. Raises UnknownName."""
    values: dict[str, Any] = {}
    kinds = {field.name: field.type for field in fields(defaults)}
    for item in items:
        name, _, text = item.partition("=")
        try:
            value = int(text) if kinds[name] is int else float(text)
            if not 0 < value < float("inf"):
                raise ValueError
        except (KeyError, ValueError):
            known = ", ".join(kinds)
            raise UnknownName(
                f"{item!r} cannot be used: write NAME=NUMBER with a number above 0 and one of the"
                f" names {known}."
            ) from None
        values[name] = value
    return replace(defaults, **values)
