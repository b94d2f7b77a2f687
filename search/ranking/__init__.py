"""From candidates to pages of results: features, scores, deduplication, paging and match levels.

Others use `paging.find`, `scoring` (`Ranked`, `explain`), `match_level.match_of` and
`blank_photos.blank_results`. All but `paging` are pure functions.
"""
