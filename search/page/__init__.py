"""The pages for shoppers. Others use `urls`, and `errors.PageError`."""
