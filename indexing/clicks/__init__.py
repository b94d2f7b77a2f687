"""Learning from clicks: which clicks count, the click model, click rates and the reranker.

Other packages use `learning`, `reranker_training` (`describe_reranker`) and `log_retention`.
"""
