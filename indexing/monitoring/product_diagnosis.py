"""Why a product is not found: every condition that must hold before a search can find it, with what
to do about those that do not. A handful of queries, each for one product."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from psycopg import sql

from catalog.console.stored_sentences import translate_sentence
from catalog.index.live_index import live_generation
from catalog.index.vector_store import vector_store
from catalog.models import (
    AddressedImage,
    Generation,
    ImageAddress,
    IndexedProduct,
    Product,
    ProductChange,
)
from indexing.monitoring.durations import describe_duration

MAX_PHOTOS = 50

# Each photo with its failure, its embedding by the live encoder, and its vector in the live graph.
PHOTOS = sql.SQL(
    """
SELECT image.id, image.file, image.content_hash, failure.reason, failure.quarantined,
    failure.attempts, embedding.created_at,
    embedding.source_hash IS NOT DISTINCT FROM image.content_hash,
    EXISTS (SELECT FROM catalog_productimage twin WHERE twin.product_id = image.product_id
            AND twin.content_hash = image.content_hash AND twin.id < image.id),
    stored.source_hash IS NOT NULL AND stored.source_hash = image.content_hash
FROM catalog_productimage image
LEFT JOIN indexing_imagefailure failure ON failure.product_id = image.product_id
    AND failure.image_id = image.id AND failure.content_hash = image.content_hash
LEFT JOIN catalog_embedding embedding ON embedding.product_id = image.product_id
    AND embedding.image_id = image.id AND embedding.encoder_id = {encoder}
LEFT JOIN ({stored}) stored ON stored.product_id = image.product_id AND stored.image_id = image.id
WHERE image.product_id = {product} ORDER BY image.position, image.id LIMIT {most}
"""
)


@dataclass(frozen=True)
class Fact:
    """A condition, and whether it holds: True, False, or None for what is only worth knowing.
    `remedy`: what to do, or "" """

    name: str
    holds: bool | None
    answer: str
    remedy: str = ""


@dataclass(frozen=True)
class PhotoState:
    """A photo on its way into the index. `address` is that of its file."""

    image_id: int
    file: str
    facts: list[Fact]
    is_searchable: bool


@dataclass(frozen=True)
class Diagnosis:
    """What is known about a product. `verdict`: in one sentence, whether searches can find it."""

    product: Product
    verdict: str
    is_findable: bool
    facts: list[Fact]
    photos: list[PhotoState]


def diagnose(product: Product) -> Diagnosis:
    """Returns why searches find a product by photo, or do not."""
    live = live_generation()
    photos = _read_photos(product, live) if live else []
    searchable = sum(photo.is_searchable for photo in photos)
    facts = [
        _fact_of_visibility(product),
        _fact_of_index(live),
        Fact(
            _("In stock?"),
            None,
            _("Yes.") if product.in_stock else _("No. It is found, and ranked a little lower."),
        ),
        *_facts_of_photos(product, photos, searchable),
        *_facts_of_changes(product),
        _fact_of_tags(product),
    ]
    wrong = [fact for fact in facts if fact.holds is False]
    findable = product.is_visible and live is not None and searchable > 0
    if findable and not wrong:
        verdict = _("Searches can find this product by its photos and its words.")
    elif findable:
        verdict = _("Searches can find this product, but not yet in its present state.")
    elif live is not None and product.is_visible:
        verdict = _(
            "Searches by photo cannot find this product: none of its photos is in the index."
        )
    else:
        verdict = _("Searches cannot find this product.")
    return Diagnosis(product, verdict, findable, facts, photos)


def _fact_of_visibility(product: Product) -> Fact:
    if product.is_visible:
        return Fact(_("Visible?"), True, _("Yes."))
    return Fact(
        _("Visible?"),
        False,
        _("No: it is hidden from all results."),
        _("Tick “visible” on the product's page, unless a source has hidden it on purpose."),
    )


def _fact_of_index(live: Generation | None) -> Fact:
    if live is None:
        return Fact(_("Is an index live?"), False, _("No."), _("Start a rebuild."))
    return Fact(
        _("Is an index live?"),
        True,
        _("Yes: generation %(number)s with the encoder %(encoder)s.")
        % {"number": live.pk, "encoder": live.encoder.name},
    )


def _facts_of_photos(product: Product, photos: list[PhotoState], searchable: int) -> list[Fact]:
    facts = []
    if photos:
        answer = ngettext(
            "%(n)s of %(all)s photo is in the live graph.",
            "%(n)s of %(all)s photos are in the live graph.",
            len(photos),
        ) % {"n": searchable, "all": len(photos)}
        facts.append(Fact(_("Photos in the index?"), searchable > 0, answer))
    elif not product.images.exists():
        facts.append(
            Fact(
                _("Photos?"),
                False,
                _("The product has none: it is found by its words only."),
                _("Add a photo."),
            )
        )
    named = AddressedImage.objects.filter(product=product).select_related("address")
    for addressed in named[:MAX_PHOTOS]:
        address = addressed.address
        if address.state == ImageAddress.State.FETCHED:
            continue
        said = translate_sentence(address.error)
        facts.append(
            Fact(
                _("Photo fetched?"),
                False,
                f"{address.address[:100]}: {said or _('waits for its first fetch.')}",
                _("Fetch it again under “Photos by address”, or correct the address."),
            )
        )
    return facts


def _facts_of_changes(product: Product) -> list[Fact]:
    change = ProductChange.objects.filter(pk=product.pk).first()
    indexed = IndexedProduct.objects.filter(pk=product.pk).first()
    facts = []
    if change is not None:
        waits = describe_duration(timezone.now() - change.changed_at)
        facts.append(
            Fact(
                _("Up to date?"),
                False,
                _("No: a change has been waiting for %(waits)s.") % {"waits": waits},
                _("The next refresh brings it into the index. You can start one now."),
            )
        )
    elif indexed is not None and indexed.indexed_at:
        facts.append(
            Fact(
                _("Up to date?"),
                True,
                _("Yes: its last change reached the index at %(at)s UTC.")
                % {"at": f"{indexed.indexed_at:%Y-%m-%d %H:%M}"},
            )
        )
    else:
        facts.append(Fact(_("Up to date?"), False, _("It has never been indexed.")))
    return facts


def _fact_of_tags(product: Product) -> Fact:
    tags = [given.tag.label for given in product.product_tags.select_related("tag")[:20]]
    return Fact(_("Tags?"), None, ", ".join(tags) or _("None."))


def _read_photos(product: Product, live: Generation) -> list[PhotoState]:
    query = PHOTOS.format(
        encoder=sql.Literal(live.encoder_id),
        product=sql.Literal(product.pk),
        most=sql.Literal(MAX_PHOTOS),
        stored=vector_store().contents(live),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [_describe_photo(*row) for row in cursor.fetchall()]


def _describe_photo(
    image_id: int,
    file: str,
    content: str,
    reason: str | None,
    quarantined: bool | None,
    attempts: int | None,
    embedded_at: Any,
    is_current: bool,
    is_twin: bool,
    is_stored: bool,
) -> PhotoState:
    facts = []
    if reason is not None:
        facts.append(
            Fact(
                _("Readable?"),
                False,
                _("No, tried %(n)s times: %(reason)s")
                % {"n": attempts, "reason": translate_sentence(reason)},
                _("Replace it.") if quarantined else _("The next refresh tries it again."),
            )
        )
    elif is_twin:
        facts.append(Fact(_("Unique?"), None, _("The same picture as an earlier photo.")))
    elif embedded_at is None or not is_current:
        facts.append(
            Fact(_("Embedded by the live encoder?"), False, _("Not in its present state."))
        )
    else:
        facts.append(
            Fact(
                _("Embedded by the live encoder?"),
                True,
                _("Yes, at %(at)s UTC.") % {"at": f"{embedded_at:%Y-%m-%d %H:%M}"},
            )
        )
        facts.append(_fact_of_graph(is_stored))
    return PhotoState(image_id, file, facts, is_stored)


def _fact_of_graph(is_stored: bool) -> Fact:
    if is_stored:
        return Fact(_("In the live graph?"), True, _("Yes."))
    return Fact(_("In the live graph?"), False, _("No."), _("Start a refresh."))
