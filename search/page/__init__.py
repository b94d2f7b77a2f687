"""The pages that a shopper sees. Others use `urls`, and `errors.PageError`."""
