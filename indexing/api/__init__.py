"""The calls of the offline side, health checks and metrics. Others use `urls` and `views`."""
