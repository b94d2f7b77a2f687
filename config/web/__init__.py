"""The web process: gunicorn's settings, the event loop that speaks HTTP, connections to the
database, and what each request passes before a view."""
