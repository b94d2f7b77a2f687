"""What is learnt from clicks: which count, how places are looked at, rates, a reranker.

Others use `click_rates`, `reranker_training`, `click_bursts` and `log_retention`.
"""
