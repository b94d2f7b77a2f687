"""Shoppers' searches, which are logged, and their events, which are limited and recorded.

Others use `search_log.logged_search`, `recording` (`record_events`, `forget_sender`),
`limits.charge_events` and `next_products.products_opened_next`.
"""
