"""Shoppers' photos over backgrounds that training never saw, and the tools that made them:
`python -m catalog.demo.strange.grab_cut`, then `paste_photos`. README.md tells how."""
