"""The names of rankings and of the terms of their scores, in the reader's language."""

from django.utils.translation import gettext as _

from search.recommendations.rankings import USUAL


def name_ranking(ranking: str) -> str:
    """Returns the name of a ranking. Without one, the usual ranking is in use."""
    names = {
        USUAL: _("taste, looks, popular and new"),
        "more_looks": _("the usual parts, looks counting twice as much"),
        "taste": _("taste, popular and new, without looks"),
        "looks": _("looks, popular and new, without taste"),
        "popular": _("popular and new products alone"),
    }
    return names.get(ranking or USUAL, ranking)


def name_term(term: str) -> str:
    """Returns the name of a term of a score."""
    names = {
        "taste": _("taste"),
        "looks": _("looks"),
        "popular": _("popularity"),
        "new": _("age"),
    }
    return names.get(term, term)
