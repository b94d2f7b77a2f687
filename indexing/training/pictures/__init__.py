"""Makes training pictures: `shopper_photos` composes photos from `cutouts`, `view_photos` varies
photos of the catalogue, `augment` has what both need, and `emoji_pairs` reads named pictures.
`indexing/quality` composes photos for the self-test by `shopper_photos` and `cutouts`, which need
no torch."""
