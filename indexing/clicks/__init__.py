"""Learning from clicks: which clicks count, the click model, click rates and the reranker.

Other packages use `learning` and `log_retention`; `click_rates` and `reranker_training` are its two
parts.
"""
