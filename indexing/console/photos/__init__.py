"""Photos in the console: those that cannot be read (`failure_admin`), and the web addresses that
they are fetched from (`photo_address_admin`)."""
