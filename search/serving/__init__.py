"""Limits the concurrent searches of a process, and caches work that they share.

Others use `admission` (`admission`, `Deadline`, `Budget`, `Overloaded`) and
`single_flight.SingleFlightCache`.
"""
