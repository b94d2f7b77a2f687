"""Adapters, by which a new encoder asks the vectors of an old one.

Others use `fitting` (`fit_adapter`, `failed_gates`, `AdapterError`).
"""
