"""From candidates to a page of results: features, scores, deduplication, paging and match levels.

Others use `paging.find_results`, `scoring` (`Ranked`, `explain_score`),
`match_level` (`classify_match`, `find_blank_results`). All but `paging` are pure functions.
"""
