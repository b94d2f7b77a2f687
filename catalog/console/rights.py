"""Who may do what. Pages, actions and the API all ask `may`.

Each of the three groups may do what the one before it may: viewers look, operators also do the
daily work (refresh, retry, import, edit products), publishers also decide what shoppers search
(rebuild, publish, roll back, schedules, training). Superusers may do everything."""

from enum import StrEnum
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import AnonymousUser


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
    "publisher": {"source"},
}


def may(user: Any, right: Right) -> bool:
    """Returns whether a user of Django, who may be anonymous, has a right."""
    if user is None or isinstance(user, AnonymousUser):
        return False
    return bool(user.is_active and user.is_staff and user.has_perm(f"catalog.{right}"))


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
