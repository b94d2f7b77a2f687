"""Keys of the API in the console. A key is shown once, on the page that follows its form."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.api.access_keys import KeyRefused, check_key, create_key, revoke_key
from catalog.console.base import LOOK, ShownOnceAdmin
from catalog.models import ApiKey, Scope


class OriginsField(forms.CharField):
    """Origins, one on each line."""

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=_lazy("Used to"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    origins = OriginsField(
        label=_lazy("Origins"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": LOOK}),
        help_text=_lazy(
            "For a key in the pages of a shop: their origins, one on each line, such as"
            " https://shop.example. Leave it empty for servers and apps."
        ),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "calls_per_minute", "expires_at")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        try:
            expires_at = None if self.instance.pk else data.get("expires_at")
            data["scopes"], data["origins"] = check_key(
                data.get("scopes", ()), data.get("origins", ()), expires_at
            )
        except KeyRefused as error:
            raise forms.ValidationError(str(error)) from error
        if self.instance.pk and bool(data["origins"]) != self.instance.is_publishable:
            raise forms.ValidationError(
                _("A publishable key needs origins, and a secret key has none. Make another key.")
            )
        return data

    def save(self, commit: bool = True) -> Any:
        """Also keeps the scopes and the origins of a key that exists."""
        self.instance.scopes = self.cleaned_data["scopes"]
        self.instance.origins = self.cleaned_data["origins"]
        return super().save(commit)


@admin.register(ApiKey)
class ApiKeyAdmin(ShownOnceAdmin):
    form = KeyForm
    list_display = ("name", "beginning", "used_to", "state", "expires_at", "last_used_at")
    list_filter = ("kind",)
    search_fields = ("name", "beginning")
    fields: Any = ("name", "scopes", "origins", "expires_at", "calls_per_minute")
    actions = ("revoke",)

    @admin.display(description=_lazy("used to"))
    def used_to(self, key: ApiKey) -> str:
        return ", ".join(str(Scope(scope).label) for scope in key.scopes)

    @admin.display(description=_lazy("state"))
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return _("revoked")
        return _("expired") if key.is_expired else _("in use") if key.last_used_at else _("unused")

    @admin.action(description=_lazy("Revoke"), permissions=["publish"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        number = sum(revoke_key(key) for key in chosen)
        self.tell_done(request, f"Keys revoked: {number}.")

    def make(self, data: dict[str, Any], by: str) -> tuple[ApiKey, str]:
        names = ("scopes", "origins", "expires_at", "calls_per_minute")
        return create_key(data["name"], by=by, **{name: data[name] for name in names})

    def describe_secret(self, row: ApiKey) -> dict[str, str]:
        return {
            "title": _("The key is made"),
            "name": row.name,
            "sentence": _(
                "Copy this key now. It is shown only once, and nobody can read it again."
            ),
            "use": _("Calls send it in the header"),
            "header": "Authorization: Bearer …",
            "back_label": _("Back to the keys"),
        }
