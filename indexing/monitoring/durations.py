"""Durations in words, in the reader's language."""

from datetime import timedelta

from django.utils.translation import gettext as _


def describe_duration(duration: timedelta) -> str:
    """Returns a duration such as `3 d 2 h`, `2 h 5 min` or `14 s`."""
    seconds = max(0, round(duration.total_seconds()))
    minutes, s = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return _("%(d)s d %(h)s h") % {"d": days, "h": hours}
    if hours:
        return _("%(h)s h %(min)s min") % {"h": hours, "min": minutes}
    if minutes:
        return _("%(min)s min %(s)s s") % {"min": minutes, "s": s}
    return _("%(s)s s") % {"s": s}
