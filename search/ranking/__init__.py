"""From candidates to a page of results: features, scores, deduplication, paging and match levels.

Others use `paging.find_results`, `scoring` (`Ranked`, `explain_score`),
`match_level.classify_match` and `blank_photos.find_blank_results`. All but `paging` and
`blank_photos` are pure functions.
"""
