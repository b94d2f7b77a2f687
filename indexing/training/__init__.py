"""Offline training: how the encoders that Vitrina searches with are made."""
