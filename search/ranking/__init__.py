"""From candidates to a page of results: features, scores, deduplication, paging and match levels.

Others use `paging.find_results`, `scoring` (`Ranked`, `explain_score`),
`match_level` (`classify_match`, `find_blank_results`) and `shown_variants.choose_shown`. All but
`paging` and `shown_variants` are pure functions.
"""
