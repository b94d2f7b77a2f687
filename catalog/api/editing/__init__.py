"""Calls that change the catalogue. Others use `views` and `urls`."""
