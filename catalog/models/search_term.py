"""The words and names that searches by words know."""

from django.db import models


class SearchTerm(models.Model):
    """A word of the products' texts, or a name that shoppers search for. The offline side collects
    terms (`catalog/index/search_terms.py`). Searches correct typos by the words, and suggest the
    names. `products`: how many visible products have it."""

    class Kind(models.TextChoices):
        CATEGORY = "category"
        TAG = "tag"
        TITLE = "title"
        WORD = "word"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.CharField(max_length=500)
    products = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["text"]
        constraints = [models.UniqueConstraint(fields=["kind", "text"], name="search_term_once")]

    def __str__(self) -> str:
        return self.text
