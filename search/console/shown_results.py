"""Results of a search as operators see them, with the terms of each score."""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.console.translated_names import name_feature, name_match
from search.answer import Result


@dataclass(frozen=True)
class ShownResult:
    """A result with its place. `match` is in the reader's language, and `terms` has a name and a
    value for each term of the score."""

    place: int
    result: Result
    match: str
    terms: list[tuple[str, float]]


def show_results(results: Iterable[tuple[int, Result]]) -> list[ShownResult]:
    """Returns results with their places as pages show them."""
    return [
        ShownResult(
            place,
            result,
            name_match(result.match),
            [(name_feature(name), term) for name, term in (result.explanation or {}).items()],
        )
        for place, result in results
    ]
