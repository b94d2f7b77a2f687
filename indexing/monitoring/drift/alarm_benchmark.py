"""How often drift is found where there is none, and where there is some: measured on the embeddings
of the live index, as if they were shoppers' photos."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from psycopg import sql

from catalog.index.vectors import read_rows
from catalog.models import Generation
from indexing.monitoring.drift.two_samples import compare_samples

MAX_EMBEDDINGS = 20_000
PHOTOS_A_SHOPPER = 3  # of one category, in weeks with repeated shoppers
EMBEDDINGS = sql.SQL(
    """
    SELECT embedding.vector, coalesce(product.category_id, 0)
    FROM catalog_embedding embedding JOIN catalog_product product ON product.id = product_id
    WHERE embedding.encoder_id = {encoder}
    ORDER BY hashint8(embedding.image_id), embedding.image_id LIMIT {most}
    """
)


class AlarmRate(NamedTuple):
    """The share of weeks that gave an alarm, of `weeks`."""

    name: str
    share: float
    weeks: int


def measure_alarms(live: Generation, weeks: int, size: int) -> list[AlarmRate]:
    """Draws `weeks` pairs of samples of `size` vectors each, and returns the share of alarms:
    without drift; without drift, but with shoppers who send several photos; and with one category
    of things replacing a tenth, a fifth and a third of the photos of the second sample. Embeddings
    are drawn with replacement, so few of them suffice."""
    vectors, categories = _read_embeddings(live)
    random = np.random.default_rng(0)

    def any_photo(number: int) -> np.ndarray:
        return random.integers(len(vectors), size=number)

    def repeated(number: int) -> np.ndarray:
        first = any_photo(-(-number // PHOTOS_A_SHOPPER))
        alike = [random.choice(np.flatnonzero(categories == categories[n])) for n in first]
        return np.concatenate([first, alike, first])[:number]

    def drifted(share: float) -> Callable[[int], np.ndarray]:
        def draw(number: int) -> np.ndarray:
            one = np.flatnonzero(categories == random.choice(categories))
            moved = round(share * number)
            return np.concatenate([any_photo(number - moved), random.choice(one, moved)])

        return draw

    cases = [
        ("no drift", any_photo, any_photo),
        (f"no drift, {PHOTOS_A_SHOPPER} photos a shopper", repeated, repeated),
        *(
            (f"{share:.0%} of one category", any_photo, drifted(share))
            for share in (0.1, 0.2, 1 / 3)
        ),
    ]
    rates = []
    for name, draw_before, draw_after in cases:
        alarms = 0
        for _week in range(weeks):
            distance = compare_samples(vectors[draw_before(size)], vectors[draw_after(size)])
            alarms += distance.value > distance.level
        rates.append(AlarmRate(name, alarms / weeks, weeks))
    return rates


def _read_embeddings(live: Generation) -> tuple[np.ndarray, np.ndarray]:
    """Returns embeddings, float32 (n, d), and the category of the product of each, (n,)."""
    query = EMBEDDINGS.format(
        encoder=sql.Literal(live.encoder_id), most=sql.Literal(MAX_EMBEDDINGS)
    )
    rows = list(read_rows(query, ["halfvec", "int8"]))
    vectors = np.stack([row[0] for row in rows]).astype(np.float32)
    return vectors, np.array([row[1] for row in rows])
