"""What shoppers tell: recorded, limited by address and session, and marked by origin.

Others use `recording.record_events`, `limits.charge_events` and `request_origin.origin_of`.
"""
