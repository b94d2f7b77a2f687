"""The web process: gunicorn's settings, the event loop that speaks HTTP, database connections, and
the middleware of all requests.

`gunicorn` and the middleware are named in commands and settings. `database_limits` gives
`config.database` its connection class."""
