"""Runs of offline work, and the chunks that workers take. Others use `runs` and `chunking`."""
