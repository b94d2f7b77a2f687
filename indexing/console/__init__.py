"""The pages of the offline side in the console: runs (`run_admin`), generations, photos that cannot
be read (`failure_admin`), products that are not found (`product_admin`), photos by address, the
tables of the task queue, `encoders` (also drift) and `sources` (also imports of products). `home`
answers whether search is healthy."""
