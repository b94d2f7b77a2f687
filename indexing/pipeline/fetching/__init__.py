"""Fetches the photos that imports name by web addresses, with many connections at once.

Others use `fetch_round.fetch_due_photos`, `claims.count_due`, `photo_figures`, and
`outcomes` (`request_failed`, `tidy_addresses`).
"""
