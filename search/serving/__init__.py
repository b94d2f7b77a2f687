"""How many searches a process takes on at once, and how they share work.

Others use `admission` (`admission`, `Deadline`, `Budget`, `Overloaded`) and
`single_flight.SingleFlightCache`.
"""
