"""Gives ranked results their match levels, and chooses those that a sorted answer shows."""

from collections.abc import Mapping, Sequence

from django.conf import settings

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.index.match import Calibration, Neighbourhood
from search.query.blank_photos import encode_blanks, find_blank_objects
from search.ranking.match_level import classify_match, find_blank_results
from search.ranking.scoring import Ranked, sort_by_match
from search.request import DEFAULT_LIMIT, SearchRequest
from search.retrieval.candidates import Candidate
from search.serving.deadline import Deadline


def grade(
    ranked: Sequence[Ranked],
    neighbourhoods: Mapping[int | None, Neighbourhood | None],
    targets: Sequence[Target],
    request: SearchRequest,
    index: LiveIndex,
    deadline: Deadline,
) -> list[Ranked]:
    """Returns the results with their match levels. Those of searches by a photo or a product are
    in the order of the levels. `neighbourhoods`: by the number of the photo's object."""
    if not ranked:
        return []
    calibration = index.generation.calibration
    if request.kind == "text" and calibration.word_cosine is not None:
        return [item._replace(match="similar") for item in ranked]  # the others do not fit
    blanks = encode_blanks(index, deadline)
    blank_objects = find_blank_objects(targets, blanks, index)
    are_blank = find_blank_results(ranked, blank_objects, blanks, calibration.blank_cosine)
    if not request.shows_product:
        calibration = calibration.without_exact()
    calibrations = _by_object(calibration, targets)
    by_words = request.kind == "text"  # beside a photo, words do not make a product like it
    graded = [
        item._replace(
            match=classify_match(
                item.candidate if by_words else _beside_photo(item.candidate, request),
                neighbourhoods[item.object],
                calibrations[item.object],
                settings.MATCH_SIMILAR,
                is_blank,
            )
        )
        for item, is_blank in zip(ranked, are_blank, strict=True)
    ]
    return graded if by_words else sort_by_match(graded)


def _by_object(
    calibration: Calibration, targets: Sequence[Target]
) -> dict[int | None, Calibration]:
    """Returns the calibration of each object of the photo, and that of the whole photo, or of a
    search without one, as None."""
    if any(target.is_strip for target in targets):
        calibration = calibration.without_margin()
    calibrations: dict[int | None, Calibration] = {None: calibration}
    for target in targets:
        if target.object is not None:
            calibrations[target.object] = calibration.for_detection(target.confidence)
    return calibrations


def _beside_photo(candidate: Candidate, request: SearchRequest) -> Candidate:
    """Returns a candidate as its photo alone is graded. With words, only texts can confirm that it
    fits: photos rarely tell one product from another by a word."""
    fits = candidate.fits and (not request.text or candidate.lexical > 0)
    return candidate._replace(lexical=0.0, fits=fits)


def keep_relevant(ranked: Sequence[Ranked]) -> list[Ranked]:
    """Returns the results that are worth sorting by price or date: those that are not weak, and on
    the first page those in the category of the first result for the same object of the photo. Most
    cheaper products of a kind are weak, but shoppers sort to find them."""
    kinds: dict[int | None, int | None] = {}
    for item in ranked:
        kinds.setdefault(item.object, item.candidate.category_id)
    return [
        item
        for place, item in enumerate(ranked)
        if item.match != "weak"
        or (place < DEFAULT_LIMIT and item.candidate.category_id == kinds[item.object])
    ]
