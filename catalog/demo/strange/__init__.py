"""Shoppers' photos over backgrounds that training never sees, and the tools that made them:
`python -m catalog.demo.strange.grab_cut`, then `paste_photos`. See README.md."""
