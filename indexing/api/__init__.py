"""The part of the REST API that tells of the index."""
