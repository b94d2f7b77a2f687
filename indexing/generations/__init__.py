"""Changes which generation is live and which encoder encodes its queries.

Others use `publishing`, `decisions`, `adoption` and `encoder_registry`.
"""
