"""The ledger of offline work: runs, and the chunks that workers claim.

Others use `runs`, `run_rights`, `chunking` and `chunk_leases`.
"""
