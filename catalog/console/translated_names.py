"""The names of models and fields, and words that are stored, in the language of the reader."""

import re

from django.apps import AppConfig
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext, pgettext_lazy

_KINDS = {
    "photo": pgettext_lazy("kind of search", "photo"),
    "text": pgettext_lazy("kind of search", "text"),
    "product": pgettext_lazy("kind of search", "product"),
    "mixed": pgettext_lazy("kind of search", "mixed"),
}
_MATCHES = {
    "exact": pgettext_lazy("match", "exact"),
    "similar": pgettext_lazy("match", "similar"),
    "weak": pgettext_lazy("match", "weak"),
}
_STAGES = {
    "decode": pgettext_lazy("stage of a search", "decode"),
    "embed": pgettext_lazy("stage of a search", "embed"),
    "retrieve": pgettext_lazy("stage of a search", "retrieve"),
    "rank": pgettext_lazy("stage of a search", "rank"),
    "total": pgettext_lazy("stage of a search", "total"),
}
_FEATURES = {
    "similarity": pgettext_lazy("term of a score", "similarity"),
    "words": pgettext_lazy("term of a score", "words"),
    "tags": pgettext_lazy("term of a score", "tags"),
    "category": pgettext_lazy("term of a score", "category"),
    "stock": pgettext_lazy("term of a score", "stock"),
    "price": pgettext_lazy("term of a score", "price"),
    "popularity": pgettext_lazy("term of a score", "popularity"),
    "clicks": pgettext_lazy("term of a score", "clicks"),
}
_ACTIONS = {
    "accept": pgettext_lazy("action", "accept"),
    "activate": pgettext_lazy("action", "activate"),
    "add": pgettext_lazy("action", "add"),
    "adopt": pgettext_lazy("action", "adopt"),
    "adopt ranking": pgettext_lazy("action", "adopt ranking"),
    "cancel": pgettext_lazy("action", "cancel"),
    "change": pgettext_lazy("action", "change"),
    "change prices": pgettext_lazy("action", "change prices"),
    "confirm hiding": pgettext_lazy("action", "confirm hiding"),
    "count": pgettext_lazy("action", "count"),
    "delete": pgettext_lazy("action", "delete"),
    "disable": pgettext_lazy("action", "disable"),
    "discard import": pgettext_lazy("action", "discard import"),
    "drop": pgettext_lazy("action", "drop"),
    "enable": pgettext_lazy("action", "enable"),
    "fetch": pgettext_lazy("action", "fetch"),
    "fetch again": pgettext_lazy("action", "fetch again"),
    "import": pgettext_lazy("action", "import"),
    "import file": pgettext_lazy("action", "import file"),
    "keep": pgettext_lazy("action", "keep"),
    "leave out": pgettext_lazy("action", "leave out"),
    "look at session": pgettext_lazy("action", "look at session"),
    "pause": pgettext_lazy("action", "pause"),
    "publish": pgettext_lazy("action", "publish"),
    "pull": pgettext_lazy("action", "pull"),
    "pull everything": pgettext_lazy("action", "pull everything"),
    "pull now": pgettext_lazy("action", "pull now"),
    "rebuild": pgettext_lazy("action", "rebuild"),
    "refresh": pgettext_lazy("action", "refresh"),
    "refuse": pgettext_lazy("action", "refuse"),
    "register": pgettext_lazy("action", "register"),
    "reject": pgettext_lazy("action", "reject"),
    "replace photo": pgettext_lazy("action", "replace photo"),
    "resume": pgettext_lazy("action", "resume"),
    "revoke": pgettext_lazy("action", "revoke"),
    "roll back": pgettext_lazy("action", "roll back"),
    "rollback": pgettext_lazy("action", "roll back"),
    "send test": pgettext_lazy("action", "send test"),
    "sources": pgettext_lazy("action", "sources"),
    "start adoption": pgettext_lazy("action", "start adoption"),
    "start experiment": pgettext_lazy("action", "start experiment"),
    "start fetch": pgettext_lazy("action", "start fetch"),
    "start import": pgettext_lazy("action", "start import"),
    "start rebuild": pgettext_lazy("action", "start rebuild"),
    "start recommendations": pgettext_lazy("action", "start recommendations"),
    "start refresh": pgettext_lazy("action", "start refresh"),
    "start training": pgettext_lazy("action", "start training"),
    "stop experiment": pgettext_lazy("action", "stop experiment"),
    "try again": pgettext_lazy("action", "try again"),
    "undo adoption": pgettext_lazy("action", "undo adoption"),
    "undo import": pgettext_lazy("action", "undo import"),
    "withdraw": pgettext_lazy("action", "withdraw"),
}
_STARTERS = {"schedule": _lazy("schedule"), "after an import": _lazy("after an import")}
_TARGETS = {
    "all failed photos": _lazy("all failed photos"),
    "all sources": _lazy("all sources"),
    "live index": _lazy("live index"),
}
_DETAILS = {
    **{name: _lazy(name) for name in ("refresh", "rebuild", "training", "fetch", "import")},
    "adoption": _lazy("adoption"),
    "publish: no": _lazy("without publishing"),
}
_CHANGES = {
    "added": pgettext_lazy("change of a form", "added"),
    "changed": pgettext_lazy("change of a form", "changed"),
    "deleted": pgettext_lazy("change of a form", "deleted"),
}
_NUMBERED = re.compile(r"([A-Za-z][A-Za-z ]*?) (\d+)\b")
_COUNTED = re.compile(r"(\d+) products?")
_NAMED = re.compile(r"(source|encoder) (.+?)((?:, import \d+)?)")
_CHANGED = re.compile(rf"({'|'.join(_CHANGES)})(?: ([^:]+))?(?:: (.+))?")


def translate_names(app: AppConfig) -> None:
    """Lets the names, help texts and choices of an app's models appear in the language of the
    reader. The models give them in English, which is what migrations keep."""
    for model in app.get_models():
        model._meta.verbose_name = _lazy(model._meta.verbose_name_raw)
        model._meta.verbose_name_plural = _lazy(str(model._meta.verbose_name_plural))
        for field in model._meta.local_fields:
            if not isinstance(field.verbose_name, Promise):  # which has a context of its own
                field.verbose_name = _lazy(str(field.verbose_name))
            if field.help_text:
                field.help_text = _lazy(str(field.help_text))
            if field.choices:
                field.choices = [(value, _lazy(str(label))) for value, label in field.flatchoices]


def name_search_kind(kind: str) -> str:
    """Returns the name of a kind of search."""
    return str(_KINDS.get(kind, kind))


def name_match(match: str) -> str:
    """Returns the name of a match level."""
    return str(_MATCHES.get(match, match))


def name_search_stage(stage: str) -> str:
    """Returns the name of a stage of a search."""
    return str(_STAGES.get(stage, stage))


def name_feature(feature: str) -> str:
    """Returns the name of a term of a score."""
    return str(_FEATURES.get(feature, feature))


def name_starter(by: str) -> str:
    """Returns the name of who started a run or an import: a user, a command, an API key, the
    schedule, or the step before."""
    return str(_STARTERS.get(by, by))


def name_action(action: str) -> str:
    """Returns the name of an action of the audit log."""
    return str(_ACTIONS.get(action.replace("_", " "), action))


def known_actions() -> dict[str, list[str]]:
    """Returns the names of all actions in the language of the reader, in order, with the words that
    the audit log has for each."""
    found: dict[str, list[str]] = {}
    for action, name in _ACTIONS.items():
        found.setdefault(str(name), []).extend(dict.fromkeys([action, action.replace(" ", "_")]))
    return dict(sorted(found.items()))


def name_target(target: str) -> str:
    """Returns what an entry of the audit log is about, such as "generation 3, tag 5"."""
    if target in _TARGETS:
        return str(_TARGETS[target])
    if counted := _COUNTED.fullmatch(target):
        number = int(counted[1])
        return ngettext("%(n)s product", "%(n)s products", number) % {"n": number}
    if (named := _NAMED.fullmatch(target)) and not named[2].isdecimal():
        return f"{_(named[1])} {named[2]}{_name_rows(named[3])}"
    return _name_rows(target)


def name_detail(detail: str) -> str:
    """Returns the detail of an entry of the audit log, such as "changed: price, title"."""
    if detail in _DETAILS:
        return str(_DETAILS[detail])
    steps = [_CHANGED.fullmatch(step) for step in detail.split("; ")]
    return "; ".join(_name_change(step) for step in steps if step) if all(steps) else detail


def _name_rows(target: str) -> str:
    return _NUMBERED.sub(lambda named: f"{_(named[1])} {named[2]}", target)


def _name_change(step: re.Match[str]) -> str:
    """Returns what was added, changed or deleted, and which fields."""
    change, what, fields = step.groups()
    names = [_name_field(label) for label in (fields or "").split(", ") if label]
    said = " ".join([str(_CHANGES[change]), *([_(what)] if what else [])])
    return f"{said}: {', '.join(names)}" if names else said


def _name_field(label: str) -> str:
    """Returns the name of a field, whose label begins with a capital letter."""
    name = label[:1].lower() + label[1:]
    return _(name) if _(name) != name else _(label)
