"""Which generation is live, and which encoder asks it. Others use `publishing` and `adoption`."""
