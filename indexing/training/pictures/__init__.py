"""Makes training pictures: `shopper_photos` composes photos from `cutouts`, `augment` varies them,
and `emoji_pairs` reads named pictures."""
