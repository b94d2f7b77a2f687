"""Fetches files from web addresses that imports name, and from no others.

Others use `web_address` (`parse_address`, `AddressError`), `network_guard` (`configured_guard`,
`AddressRefused`) and `guarded_client` (`GuardedClient`, `FetchFailed`). Nothing here knows what the
files are: photos, or feeds.
"""
