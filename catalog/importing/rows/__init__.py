"""The rows of a feed on their way to the catalogue: brought together by product, and compared with
what an import remembers of the last time.

Others use `row_groups` (`RowGroups`, `ProductRows`, `Row`, `group_records`, `batches`), `keeping`
(`ImportKeeper`) and `partial_rows` (`place_partial_rows`).
"""
