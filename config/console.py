"""Puts the pages of both sides together: the menu of the console, and its first page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from catalog.console.rights import Right, may
from indexing.console.home import describe_index


def show_home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds to the first page what its template shows to those who may look."""
    if may(request.user, Right.VIEW):
        context["home"] = describe_index(request)
        context["title"] = _("Home")
    return context


Item = tuple[str, str, str, bool]
"""A page of the menu: its title, icon and address, and whether the user may see it."""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Returns the menu, with the pages that the user may see."""
    menu = {
        "": _questions(may(request.user, Right.VIEW)),
        _("Searches"): [
            _list(request, _("Searches"), "search", "catalog_loggedsearch"),
            _list(request, _("Events"), "ads_click", "catalog_event"),
        ],
        _("Index"): _index(request),
        _("Recommendations"): _recommendations(request),
        _("Catalogue"): [
            _list(request, _("Products"), "inventory_2", "catalog_product"),
            _list(request, _("Categories"), "account_tree", "catalog_category"),
            _list(request, _("Tags"), "sell", "catalog_tag"),
            _list(request, _("Sources"), "cloud_download", "catalog_source"),
            _list(request, _("Imports"), "upload_file", "catalog_productimport"),
        ],
        _("People"): _people(request),
    }
    shown = {
        title: [
            {"title": name, "icon": icon, "link": reverse(f"admin:{address}")}
            for name, icon, address, allowed in items
            if allowed
        ]
        for title, items in menu.items()
    }
    here = _find_page(request.path, [item["link"] for items in shown.values() for item in items])
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [{**item, "active": item["link"] == here} for item in items],
        }
        for title, items in shown.items()
    ]


def _find_page(path: str, links: list[str]) -> str:
    """Returns the page of the menu that an address belongs to, or "". The first page is the
    beginning of every address, and has none below it."""
    below = [link for link in links if path.startswith(link) and link != reverse("admin:index")]
    return max(below, key=len, default=path)


def _questions(may_look: bool) -> list[Item]:
    return [
        (_("Home"), "monitor_heart", "index", True),
        (_("Why is it not found?"), "troubleshoot", "find_product", may_look),
        (_("What is searched for"), "insights", "search_analytics", may_look),
        (_("Try a query"), "science", "try_query", may_look),
    ]


def _index(request: HttpRequest) -> list[Item]:
    return [
        _list(request, _("Runs"), "sync", "indexing_indexingrun"),
        _list(request, _("Generations"), "layers", "catalog_generation"),
        _list(request, _("Failed photos"), "broken_image", "indexing_imagefailure"),
        _list(request, _("Photos by address"), "link", "catalog_imageaddress"),
        _list(request, _("Encoders"), "model_training", "catalog_encoderversion"),
        (_("Drift"), "trending_up", "drift", may(request.user, Right.VIEW)),
    ]


def _recommendations(request: HttpRequest) -> list[Item]:
    return [
        _list(request, _("Factor models"), "recommend", "catalog_factormodel"),
        (_("History"), "timeline", "recommendation_history", may(request.user, Right.VIEW)),
        (_("One session"), "person_search", "recommended_to", may(request.user, Right.OPERATE)),
        _list(request, _("Experiments"), "experiment", "catalog_rankingexperiment"),
    ]


def _people(request: HttpRequest) -> list[Item]:
    return [
        _list(request, _("Users"), "person", "auth_user"),
        _list(request, _("Groups"), "group", "auth_group"),
        _list(request, _("API keys"), "key", "catalog_apikey"),
        _list(request, _("Webhooks"), "webhook", "catalog_webhook"),
        _list(request, _("Audit log"), "history", "catalog_auditentry"),
    ]


def _list(request: HttpRequest, title: str, icon: str, model: str) -> Item:
    app, name = model.split("_")
    allowed = any(request.user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))
    return title, icon, f"{model}_changelist", allowed
