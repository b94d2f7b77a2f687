"""Shoppers' events: recorded, limited by address and session, and marked with their origin.

Others use `recording.record_events`, `limits.charge_events` and `request_origin.origin_of`.
"""
