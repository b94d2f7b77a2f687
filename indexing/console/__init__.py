"""The pages of the offline side in the console: runs (`run_admin`), generations, products that are
not found (`product_admin`), webhooks, the tables of the task queue, `photos` (that cannot be read,
and their addresses), `encoders` (also drift) and `sources` (also imports of products). `home`
answers whether search is healthy."""
