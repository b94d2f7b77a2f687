"""Why generations, factor models, runs and searches are refused, and what actions have done."""

from django.utils.translation import gettext_noop as _noop

REJECTED = (  # generations, and factor models
    _noop("recall@20 of the graph is %(recall)s, below %(least)s"),
    _noop("recall@20 of the graph is %(recall)s, below %(least)s; %(reason)s"),
    _noop("recall@5 on labelled photos is %(recall)s; the live generation has %(live)s"),
    _noop(
        "recall@5 on labelled photos is %(recall)s; the live generation has %(live)s; %(reason)s"
    ),
    _noop(
        "recall@5 in the self-test is %(recall)s for %(number)s photos; the live generation"
        " has %(live)s for the same photos"
    ),
    _noop("its recall@20 is %(recall)s, below that of popular products, %(least)s"),
    _noop("rolled back"),
)
WEBHOOKS = (_noop("The webhook was disabled."),)
FAILED_RUNS = (
    _noop("There is no live index to refresh: run 'index rebuild' first."),
    _noop("There is no live index to learn from: run 'index rebuild' first."),
    _noop("Nothing is live yet: run 'index rebuild'."),
    _noop("There is nothing to index: no product has an image that can be read."),
    _noop(
        "There are %(number)s products to learn from, %(more)s more are set aside to measure on."
        " At least %(least)s visible products with an indexed photo are needed to learn from."
    ),
    _noop(
        "Only %(number)s products have a photo that can be read now. At least %(least)s are needed."
    ),
    _noop("Training needs about %(number)s MB in %(folder)s, where %(free)s MB are free."),
    _noop(
        "%(file)s cannot be written: %(reason)s. Remove the cause, then start the training again."
    ),
    _noop("Rebuild %(number)s, with other options, is under way: let it finish or cancel it."),
    _noop("The live index is made by %(encoder)s itself: it needs no adapter."),
    _noop(
        "An adapter is measured on a fifth of the photos, at least %(least)s, and there are"
        " %(number)s that both encoders have embedded: rebuild instead."
    ),
    _noop("%(adapter)s does not lead to the live generation."),
    _noop("%(adapter)s is not good enough: %(reason)s."),
    _noop(
        "%(number)s shoppers have opened new products in the last %(days)s days and others before."
        " At least %(least)s are needed to learn recommendations."
    ),
)
FAILED_ADAPTERS = (
    _noop("photos"),
    _noop("titles"),
    _noop("labelled photos"),
    _noop(
        "recall@5 of %(field)s is %(recall)s through the adapter, below %(least)s of its own"
        " %(own)s; %(reason)s"
    ),
    _noop(
        "recall@5 of %(field)s is %(recall)s through the adapter; it is %(live)s now; %(reason)s"
    ),
    _noop(
        "recall@5 of %(field)s is %(recall)s through the adapter, below %(least)s of its own"
        " %(own)s"
    ),
    _noop("recall@5 of %(field)s is %(recall)s through the adapter; it is %(live)s now"),
)
ACTIONS_DONE = (
    _noop("Tags changed: %(number)s. The products follow at the next refresh."),
    _noop("Saved. The decision takes effect at the next training."),
    _noop("Reranker %(number)s takes effect within seconds."),
    _noop("The formula from the settings takes effect within seconds."),
    _noop("Factor model %(number)s is live."),
    _noop("Generation %(number)s is live."),
    _noop("Keys revoked: %(number)s."),
    _noop("Tests that are sent within a minute: %(number)s."),
    _noop("Webhooks enabled: %(number)s."),
    _noop("Webhooks disabled: %(number)s."),
    _noop("Run %(number)s is paused."),
    _noop("Run %(number)s continues."),
    _noop("Run %(number)s is cancelled."),
    _noop("Images to try again at the next refresh: %(number)s."),
    _noop("Photos to fetch again: %(number)s."),
    _noop("%(name)s is pulled within a minute. It may hide this many products: %(number)s."),
    _noop("%(name)s is pulled within a minute."),
    _noop("The import of %(name)s is discarded: nothing was changed."),
)
ROLL_BACKS = (
    _noop(
        "Queries are encoded by %(encoder)s again, without the adapter from %(other)s."
        " The vectors do not change."
    ),
    _noop("This undoes the switch to generation %(number)s (%(encoder)s) of %(at)s UTC."),
    _noop(
        "Generation %(number)s (%(encoder)s) answers searches at once. Products that changed"
        " since follow at the next refresh."
    ),
    _noop("Generation %(number)s is kept: you can publish it again."),
)
REFUSED_SEARCHES = (
    _noop("The search took too long; try again in a moment."),
    _noop("Too many people are searching; try again in a moment."),
    _noop("The index is being built for the first time."),
)
