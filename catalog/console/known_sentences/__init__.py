"""Sentences that the code stores or says in English, with the places of their values: why rows of
imports are refused, why photos cannot be read or fetched, why webhooks are not told, why imports
and runs end early, why searches are refused, and what actions of the console have done.

`SENTENCES` lists them. Of two that fit a text, the first counts. The values `field`, `problem` and
`reason` may be sentences themselves."""

from catalog.console.known_sentences.of_actions import (
    ACTIONS_DONE,
    FAILED_ADAPTERS,
    FAILED_RUNS,
    REFUSED_SEARCHES,
    REJECTED,
    ROLL_BACKS,
    WEBHOOKS,
)
from catalog.console.known_sentences.of_imports import (
    FETCHES,
    IMAGES_OF_ROWS,
    IMPORTS_THAT_END_EARLY,
    NOTES,
    REFUSED_ROWS,
    UNREADABLE_PHOTOS,
)
from catalog.importing.sources.source_import import MANY_MISSING

SENTENCES = (
    *(*REFUSED_ROWS, *IMAGES_OF_ROWS, *NOTES),
    *(*UNREADABLE_PHOTOS, *FETCHES, *IMPORTS_THAT_END_EARLY),
    *(*REJECTED, *FAILED_RUNS, *FAILED_ADAPTERS),
    *(*REFUSED_SEARCHES, *WEBHOOKS, *ACTIONS_DONE, *ROLL_BACKS),
    MANY_MISSING,
)
