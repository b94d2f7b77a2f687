"""Limits the concurrent searches of a process and their time, and caches work that they share.

Others use `admission` (`admission`, `Admission`, `Budget`), `deadline` (`Deadline`, `StageClock`,
`Overloaded`), `single_flight.SingleFlightCache`, `bounded_folder.BoundedFolder` and
`sized_photos` (`WIDTHS`, `sized_photo`), and `stored_photos.stored_photo`.
"""
