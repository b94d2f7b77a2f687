"""The pages. Each view parses its request, calls one function and renders a template."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.core.validators import slug_re
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from catalog.index.live_index import IndexNotReady, live_generation
from search.answer import SearchAnswer
from search.api.senders import declines_history, is_unguessable
from search.errors import RequestError
from search.events.search_log import logged_search
from search.page.errors import EXPECTED_ERRORS, PageError, page_error
from search.page.examples import example_photo, examples
from search.page.forms import MAX_SHOWN, SearchForm
from search.page.other_variants import add_other_variants
from search.page.photo_objects import outlined_objects
from search.page.product_details import (
    cards_going_with,
    cards_opened_next,
    details_of,
    variants_of,
)
from search.page.product_feedback import given_feedback
from search.page.refinements import (
    address_of,
    box_text,
    chosen_filters,
    filter_groups,
    tag_chips,
)
from search.page.structured_data import product_json_ld
from search.query.kept_photos import is_kept
from search.query.preview import get_preview
from search.recommendations.experiments import recommend_and_count
from search.request import SORTS, Filters, SearchRequest
from search.retrieval.products import visible_product
from search.serving.deadline import Overloaded

MAX_LOOKALIKES = 12


@require_safe
@gzip_page
def home(request: HttpRequest) -> HttpResponse:
    """The start page. Without an index, it explains that there is none yet."""
    context: dict[str, Any] = {"form": SearchForm()}
    try:
        if live_generation() is None:
            raise IndexNotReady
        context["examples"] = examples()
    except (IndexNotReady, OperationalError, InterfaceError) as error:
        context["problem"] = page_error(error)
    return _page(request, "search/home.html", context)


@require_safe
@gzip_page
@cache_control(private=True, no_store=True)
def for_you(request: HttpRequest) -> HttpResponse:
    """The cards of products for the session of the header X-Session: a header, because addresses
    end up in logs. Without a session, what is popular and new. Nothing if the search fails."""
    session = request.headers.get("X-Session", "")
    if not is_unguessable(session) or declines_history(request):
        session = ""
    try:
        address = request.META["REMOTE_ADDR"]
        answer = recommend_and_count(address, session=session, limit=MAX_LOOKALIKES)
    except EXPECTED_ERRORS as error:
        page_error(error)  # for the log
        return HttpResponse("")
    response = _page(request, "search/_cards.html", {"answer": answer})
    response["Server-Timing"] = answer.server_timing
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
def results(request: HttpRequest) -> HttpResponse:
    """The results of a search, as a fragment for htmx and else as a whole page."""
    form = SearchForm(request.POST if request.method == "POST" else request.GET, request.FILES)
    htmx = bool(request.htmx)  # type: ignore[attr-defined]
    try:
        asked = form.search_request()
        answer = logged_search(asked, request.META["REMOTE_ADDR"])
        context = _answer_context(form, asked, answer)
    except EXPECTED_ERRORS as error:
        problem = page_error(error)
        if problem.code == "image_missing" and request.method != "POST" and not htmx:
            return redirect("search:home")
        template = _template(htmx, "more_problem" if form.data.get("offset") else "problem")
        return _page(request, template, _error_context(form, problem))
    if request.method == "POST" and not htmx and (address := _address_after_post(asked, answer)):
        return HttpResponseRedirect(address, status=303)
    response = _page(request, _template(htmx, "more" if asked.offset else "results"), context)
    response["Server-Timing"] = answer.server_timing
    if htmx:
        _show_address(request, response, context["address"], asked, answer)
    return response


@require_safe
@gzip_page
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """A product, and the products that look like it unless that search fails."""
    try:
        shown = visible_product(pk)
        variants = variants_of(shown, request.GET.get("variant", ""))
        context: dict[str, Any] = {"product": shown, "details": details_of(shown), **variants}
        context["json_ld"] = product_json_ld(request, shown, variants["offer"], variants["photos"])
        context["back"] = _results_before(request)
        context["opened_next"] = cards_opened_next(pk)
        context["goes_with"] = cards_going_with(shown)
    except RequestError as error:
        raise Http404(str(error)) from error
    except (OperationalError, InterfaceError) as error:
        return _page(request, "503.html", {"problem": page_error(error)})
    try:
        asked = SearchRequest(product_id=pk, limit=MAX_LOOKALIKES, fold=False)
        context["answer"] = logged_search(asked, request.META["REMOTE_ADDR"])
        add_other_variants(context["answer"].results)
    except EXPECTED_ERRORS as error:
        page_error(error)  # for the log
    return _page(request, "search/product.html", context)


@require_safe
@cache_control(private=True, max_age=3600)
def photo(request: HttpRequest, query: str, number: int = 0) -> HttpResponse:
    """The preview of a photo of an earlier search, as long as the photo is kept. Pages use it after
    a reload, and for photos in formats that browsers cannot show."""
    try:
        return HttpResponse(get_preview(query, number), content_type="image/jpeg")
    except Overloaded as error:
        problem = page_error(error)
        return _with_retry_after(HttpResponse(status=problem.status), problem)
    except EXPECTED_ERRORS as error:
        raise Http404(str(error)) from error


@require_safe
@cache_control(public=True, max_age=86_400)
def example(request: HttpRequest, name: str) -> HttpResponse:
    """An example photo to try the search with."""
    try:
        return HttpResponse(example_photo(name), content_type="image/jpeg")
    except RequestError as error:
        raise Http404(str(error)) from error


def _results_before(request: HttpRequest) -> str:
    """Returns the address of the results that led to this page, or "" if there are none."""
    before = urlsplit(request.headers.get("Referer", ""))
    if before.netloc != request.get_host() or before.path != reverse("search:results"):
        return ""
    return f"{before.path}?{before.query}" if before.query else ""


@require_safe
@cache_control(public=True, max_age=86_400)
def robots(request: HttpRequest) -> HttpResponse:
    """Tells crawlers to leave searches alone: each costs as much as a shopper's."""
    lines = ["User-agent: *", "Disallow: /search/", "Disallow: /admin/", "Disallow: /api/", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain")


@require_safe
@cache_control(public=True, max_age=86_400)
def favicon(request: HttpRequest) -> HttpResponse:
    """Leads browsers that ask for the icon at its old address to the file."""
    return redirect(static("favicon.svg"))


def _answer_context(form: SearchForm, asked: SearchRequest, answer: SearchAnswer) -> dict[str, Any]:
    with_photo = asked.has_photo
    add_other_variants(answer.results)
    groups, chips = filter_groups(form, asked, answer), tag_chips(asked, answer)
    return {
        "form": form,
        "asked": asked,
        "answer": answer,
        "found": _number_found(asked, answer),
        "is_empty": answer.is_blank or not (answer.results or asked.offset),
        "objects": outlined_objects(answer),
        "query": answer.query_id if with_photo else "",
        "more_photos": range(1, answer.photos),
        "box": box_text(asked) if with_photo else "",
        "groups": groups,
        "chips": chips,
        "chosen": chosen_filters(groups, chips, asked, answer),
        "address": address_of(asked, answer),
        "feedback": given_feedback(asked, answer),
        "unfiltered": address_of(_plain(asked), answer),
    }


def _address_after_post(asked: SearchRequest, answer: SearchAnswer) -> str:
    """Returns the address to which a form without scripts leads, so that Back and Reload need not
    send it again. A further page of results is shown below the earlier ones. Returns "" if only
    this response can show the answer: its photo is not kept, or there are too many pages."""
    shown = asked.offset + len(answer.results)
    is_deep = asked.offset + asked.limit > MAX_SHOWN
    if is_deep or (asked.has_photo and not is_kept(answer.query_id)):
        return ""
    first_new = f"#card-{answer.results[0].product.pk}" if asked.offset and answer.results else ""
    return address_of(asked, answer, shown) + first_new


def _plain(asked: SearchRequest) -> SearchRequest:
    """Returns the search without filters, and without what the shopper said about products."""
    return replace(asked, filters=Filters(), product_id=None, less_products=(), hidden=())


def _number_found(asked: SearchRequest, answer: SearchAnswer) -> int | None:
    """Returns the number of products to tell, or None. A photo alone finds the whole catalogue, the
    most similar first: its number says nothing."""
    narrowed = asked.text or asked.filters or asked.sort != SORTS[0]
    return answer.total if narrowed else None


def _error_context(form: SearchForm, problem: PageError) -> dict[str, Any]:
    """Returns the context of an error. The photo of the form remains on the page, unless it is not
    kept any more or its id cannot be part of a URL."""
    query = form.data.get("query", "")
    if problem.code == "not_found" or not slug_re.fullmatch(query):
        query = ""
    return {"form": form, "problem": problem, "query": query, "box": form.data.get("box", "")}


def _template(htmx: bool, fragment: str) -> str:
    return f"search/_{fragment}.html" if htmx else "search/home.html"


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Renders a template, with the status of the context's `problem`, if there is one. The header
    Vary tells caches that pages and fragments have the same URL."""
    problem: PageError | None = context.get("problem")
    response = render(request, template, context, status=problem.status if problem else 200)
    patch_vary_headers(response, ["HX-Request"])
    return _with_retry_after(response, problem) if problem else response


def _with_retry_after(response: HttpResponse, problem: PageError) -> HttpResponse:
    if problem.retry_after_s:
        response["Retry-After"] = str(problem.retry_after_s)
    return response


def _show_address(
    request: HttpRequest,
    response: HttpResponse,
    address: str,
    asked: SearchRequest,
    answer: SearchAnswer,
) -> None:
    """Makes the browser show the URL of the answer, as a new entry of the history. With a further
    page of results, the present entry gets a URL that brings back all of them."""
    if asked.offset:
        shown = asked.offset + len(answer.results)
        response["HX-Replace-Url"] = address_of(asked, answer, shown)
        return
    current = request.htmx.current_url_abs_path  # type: ignore[attr-defined]
    response["HX-Replace-Url" if current == address else "HX-Push-Url"] = address
