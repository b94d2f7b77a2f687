"""Limits on concurrent searches of a process, and the cache through which they share work.

Others use `admission` (`admission`, `Deadline`, `Budget`, `Overloaded`) and
`single_flight.SingleFlightCache`.
"""
