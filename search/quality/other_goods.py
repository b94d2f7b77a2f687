"""Searches by photos of goods that the catalogue does not have. None of them should show an exact
match."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from catalog.quality.labelled_photos import PhotosError
from search.photo_search import search
from search.quality.evaluation import SEARCH_LIMIT_S
from search.quality.figures import Outcome
from search.request import SearchRequest

SAMPLE = 60  # photos
SEED = 0
SPLIT = "dev"  # of a list that has such lines
KIND = "other goods, exact is wrong"


def evaluate_other_goods(
    paths: Sequence[Path], progress: Callable[[int], None] = lambda n: None
) -> list[Outcome]:
    """Searches by SAMPLE of the photos, drawn by SEED, as many from each list. `paths` are photos,
    and lists of photos in JSON Lines with `file`. No result is right. Raises PhotosError."""
    lists = [read_files(path) for path in paths if path.suffix == ".jsonl"]
    single = [path for path in paths if path.suffix != ".jsonl"]
    groups = [group for group in (*lists, single) if group]
    outcomes = []
    for group in groups:
        drawn = random.Random(SEED).sample(sorted(group), min(len(group), SAMPLE // len(groups)))
        for path in drawn:
            answer = search(SearchRequest(images=(path.read_bytes(),)), SEARCH_LIMIT_S)
            match = answer.results[0].match if answer.results else None
            outcomes.append(Outcome(KIND, None, answer.timings_ms["total"], match=match))
            progress(1)
    return outcomes


def read_files(path: Path) -> list[Path]:
    """Returns the photos of a list, those of SPLIT if it has such lines. Raises PhotosError."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        splits = {row.get("split") for row in rows}
        chosen = [row for row in rows if SPLIT not in splits or row.get("split") == SPLIT]
        return [path.parent / row["file"] for row in chosen]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise PhotosError(f"{path} is no list of photos: {error!r}") from error
