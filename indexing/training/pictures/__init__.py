"""The pictures that training shows: `shopper_photos` puts them together from `cutouts`, `augment`
changes them, `emoji_pairs` reads those that have only names."""
