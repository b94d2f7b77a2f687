"""The index status in the REST API, health checks and metrics."""
