"""Users and groups in the console, in its style, with their changes in the audit log."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from catalog.console.base import ModelAdmin

FORMS: dict[str, Any] = {}
if apps.is_installed("unfold"):
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    FORMS = {
        "form": UserChangeForm,
        "add_form": UserCreationForm,
        "change_password_form": AdminPasswordChangeForm,
    }

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class ConsoleUserAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc]
    """Superusers put users into the groups viewer, operator and publisher."""

    form = FORMS.get("form", UserAdmin.form)  # type: ignore[misc]
    add_form = FORMS.get("add_form", UserAdmin.add_form)
    change_password_form = FORMS.get("change_password_form", UserAdmin.change_password_form)
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")


@admin.register(Group)
class ConsoleGroupAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]
    """The migration of the database sets the rights of the three groups. Others are free."""
