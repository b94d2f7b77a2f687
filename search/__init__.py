"""The online side: it answers searches, for pages and for the API.

`photo_search.search` answers a search; the other folders and modules are its steps and its users.
`config` includes the URLs of `page` and `api` and runs `warm_up`. `indexing` never imports this.
"""
