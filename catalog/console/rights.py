"""Who may do what. Pages, actions and the API all ask `may`.

Each of the three groups may do what the one before it may: viewers look, operators also do the
daily work (refresh, retry, import, edit products), publishers also decide what shoppers search
(rebuild, publish, roll back, schedules, training). Superusers may do everything.

A key of the API may do what its scopes say. Without a key, everybody may search, read products and
report events while SEARCH_OPEN is set."""

from enum import StrEnum
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from catalog.models import ApiKey, Scope


class Right(StrEnum):
    """A right, with the codename of its permission (of `catalog.AuditEntry`)."""

    VIEW = "view_console"
    OPERATE = "operate"
    PUBLISH = "publish"


GROUPS = {
    "viewer": (Right.VIEW,),
    "operator": (Right.VIEW, Right.OPERATE),
    "publisher": (Right.VIEW, Right.OPERATE, Right.PUBLISH),
}
APPS = ("catalog", "indexing", "django_q")  # whose tables viewers may look at
# The models whose rows a group may add, change and delete, besides those of the group before it.
EDITABLE = {
    "operator": {"product", "productimage", "variant", "category", "tag"},
    "publisher": {"source", "apikey", "webhook"},
}


OPEN_SCOPES = {Scope.SEARCH, Scope.EVENTS}


def may(who: Any, right: Right | Scope) -> bool:
    """Returns whether a user of Django, who may be anonymous, has a right, or whether a key of the
    API, or a caller without one (None), may make the calls of a scope."""
    if isinstance(right, Scope):
        is_open = settings.SEARCH_OPEN and right in OPEN_SCOPES
        return is_open or (isinstance(who, ApiKey) and right in who.scopes)
    if who is None or isinstance(who, AnonymousUser | ApiKey):
        return False
    return bool(who.is_active and who.is_staff and who.has_perm(f"catalog.{right}"))


def set_group_rights(sender: AppConfig, **options: Any) -> None:
    """Creates the groups, and gives them the permissions of an app, as a receiver of post_migrate.
    Groups of other names are never changed."""
    from django.contrib.auth.models import Group, Permission

    if sender.label not in APPS:
        return
    using = options.get("using", "default")
    permissions = list(
        Permission.objects.using(using)
        .filter(content_type__app_label=sender.label)
        .select_related("content_type")
    )
    for name in GROUPS:
        group, _ = Group.objects.using(using).get_or_create(name=name)
        held = set(group.permissions.filter(content_type__app_label=sender.label))
        wanted = {permission for permission in permissions if _belongs_to(name, permission)}
        if held != wanted:
            group.permissions.remove(*(held - wanted))
            group.permissions.add(*(wanted - held))


def _belongs_to(group: str, permission: Any) -> bool:
    codename, model = permission.codename, permission.content_type.model
    if codename in set(Right):
        return codename in GROUPS[group]
    if codename == f"view_{model}":
        return True
    names = list(GROUPS)
    editable = {m for name in names[: names.index(group) + 1] for m in EDITABLE.get(name, ())}
    return permission.content_type.app_label == "catalog" and model in editable
