"""Reads the files of shops: each format turns a file into rows with the keys of JSON Lines. Others
use `opening.open_feed`, which finds the format and returns a `feed.Feed`, `opening.FORMATS`, the
names of the formats, `feed.FeedOptions` and `feed.GROUP_FIELDS`, and `column_mapping.read_mapping`
for tables with columns of their own. All of them raise `catalog.importing.errors.ImportFailed`."""
