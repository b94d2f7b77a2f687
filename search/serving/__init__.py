"""Limits the concurrent searches of a process and their time, and caches work that they share.

Others use `admission` (`admission`, `Budget`), `deadline` (`Deadline`, `StageClock`, `Overloaded`)
and `single_flight.SingleFlightCache`.
"""
