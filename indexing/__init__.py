"""The offline side: it embeds and tags products, and builds, measures and publishes generations.

`pipeline` holds the runs and their worker; the other folders are their parts, and what learns from
clicks. `config` includes the URLs of `api` and runs the task queue. `search` never imports this.
"""
