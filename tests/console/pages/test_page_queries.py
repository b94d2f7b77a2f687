"""Each page of the console makes few queries, and never more when there is more to show."""

import re
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import (
    AddressedImage,
    AuditEntry,
    Category,
    EncoderVersion,
    Event,
    FactorModel,
    ImageAddress,
    LoggedSearch,
    Product,
    ProductImport,
    Source,
    Tag,
)
from catalog.quality.ranking_experiments import start_experiment
from indexing.models import ImageFailure
from search.recommendations.recommending import recommend
from tests.console.pages.people import member
from tests.indexing.shop import add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

MAX_QUERIES = 15
SAVEPOINT = re.compile("SAVEPOINT|RELEASE SAVEPOINT|SET LOCAL")  # transactions within the test's
# Counts all rows of a table that grows with the catalogue or with the searches.
UNCAPPED = re.compile(
    r'SELECT COUNT\(\*\) AS "__count" FROM "catalog_(loggedsearch|event|product|productimage)"\s*$'
)
PAGES = [
    *("index", "find_product", "search_analytics", "try_query", "generations_compare"),
    *("catalog_loggedsearch_changelist", "indexing_imagefailure_changelist"),
    *("indexing_indexingrun_changelist", "catalog_generation_changelist", "moving_runs"),
    *("catalog_auditentry_changelist", "why_not_found", "drift", "catalog_tag_changelist"),
    *("catalog_encoderversion_changelist", "catalog_encoderversion_change"),
    *("catalog_source_changelist", "catalog_productimport_changelist", "catalog_event_changelist"),
    *("catalog_product_changelist", "catalog_category_changelist", "catalog_adapter_changelist"),
    *("catalog_imageaddress_changelist", "catalog_factormodel_changelist"),
    *("recommendation_history", "recommended_to", "experiment_start"),
    *("catalog_rankingexperiment_changelist", "catalog_rankingexperiment_change"),
]


@pytest.fixture
def busy_shop() -> dict[str, list[Any]]:
    """A shop in which each list has several rows. Returns the arguments of addresses."""
    products = add_products(range(12))
    rebuild()
    rebuild(publish=False)
    for product in products:
        image = product.images.get()
        ImageFailure.objects.create(
            product_id=product.pk, image_id=image.pk, content_hash="x", quarantined=True
        )
        search = LoggedSearch.objects.create(
            query_id=uuid.uuid4().hex,
            kind="photo",
            generation_id=1,
            timings_ms={"total": 20.0},
            filtered=False,
            sort="relevance",
            offset=0,
            products=[p.pk for p in products],
            features=[],
        )
        Event.objects.create(type="click", product_id=product.pk, query_id=search.query_id)
        AuditEntry.objects.create(by="anna", action="refresh")
        Event.objects.create(type="view", product_id=product.pk, session="a" * 32)
        _add_offline_rows(product)
    FactorModel.objects.create(
        dimensions=2, alpha=1, regularization=1, state="retired", figures={"shoppers": 3}
    )
    encoder = EncoderVersion.objects.get(name="histogram")
    return {
        "why_not_found": [products[0].pk],
        "where_it_stands": [products[0].pk],
        "catalog_encoderversion_change": [encoder.pk],
        "catalog_rankingexperiment_change": [start_experiment("blend", "looks", 7, "anna").pk],
    }


def _add_offline_rows(product: Product) -> None:
    """Adds a row that belongs to this product to each list of sources, words and encoders."""
    source = Source.objects.create(name=product.sku, address=f"{product.sku}.csv")
    ProductImport.objects.create(source=source, name=source.name, state="succeeded")
    Tag.objects.create(slug=product.sku, name=product.sku, examples=[product.pk])
    Category.objects.create(slug=product.sku, name=product.sku)
    address = ImageAddress.objects.create(address=f"https://shop.example/{product.sku}.jpg")
    AddressedImage.objects.create(product=product, position=0, address=address)
    EncoderVersion.objects.create(name=f"e{product.sku}", checksum=product.sku, dimensions=4)


def test_pages_make_few_queries_whatever_they_show(busy_shop: dict[str, list[Any]]) -> None:
    publisher = member("publisher")
    counts = {}
    for page in PAGES:
        address = reverse(f"admin:{page}", args=busy_shop.get(page))
        with CaptureQueriesContext(connection) as captured:
            assert publisher.get(address).status_code == 200
        asked = [query["sql"] for query in captured if not SAVEPOINT.match(query["sql"])]
        counts[page] = len(asked)
        assert [sql for sql in asked if UNCAPPED.search(sql)] == [], page

    assert {page: n for page, n in counts.items() if n > MAX_QUERIES} == {}


def test_one_session_takes_few_queries_besides_those_of_a_shopper(
    busy_shop: dict[str, list[Any]],
) -> None:
    def asked(act: Any) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            act()
        return [query["sql"] for query in captured if not SAVEPOINT.match(query["sql"])]

    operator, address = member("operator"), reverse("admin:recommended_to")
    of_shopper = asked(lambda: recommend(session="a" * 32))
    of_page = asked(lambda: operator.post(address, {"name": "a" * 32}))

    assert len(of_page) - len(of_shopper) <= MAX_QUERIES


def test_searches_of_operators_make_few_queries(busy_shop: dict[str, list[Any]]) -> None:
    publisher = member("publisher")
    counts = {}
    for page in ("try_query", "where_it_stands", "generations_compare"):
        address = reverse(f"admin:{page}", args=busy_shop.get(page))
        query = SimpleUploadedFile("query.jpg", photo(3), "image/jpeg")
        with CaptureQueriesContext(connection) as captured:
            response = publisher.post(address, {"photo": query})
        assert (response.status_code, response.context["problem"]) == (200, "")
        counts[page] = sum(not SAVEPOINT.match(query["sql"]) for query in captured)

    assert {page: n for page, n in counts.items() if n > MAX_QUERIES} == {}
