"""A shop's own training: an encoder learns from the catalogue in the database.

Others use `collecting` (products, photos and clicks into a folder), `clicked_photos`,
`lesson_folder` (the parameters and the progress) and `schedule` (how long it takes). `lesson`
trains, in a process of its own.
"""
