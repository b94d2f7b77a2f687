"""The pages of encoders: the registry, an encoder beside another with what it has learned, adapters
(`encoder_admin`), and drift (`drift_page`). What the history of shoppers has taught:
`factor_admin`, and how fresh it is and what it reaches: `history_page`."""
