"""Adapters, through which a new encoder's queries search the vectors of an old encoder.

Others use `fitting` (`fit_adapter`, `failed_adapter_gates`, `describe_figures`, `AdapterError`).
"""
