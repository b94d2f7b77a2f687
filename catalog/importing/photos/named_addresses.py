"""Records which photos of products come from web addresses. They are fetched after the import."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from catalog.importing.fetching.web_address import parse_address
from catalog.importing.photos.photo_files import PhotoFile
from catalog.models import AddressedImage, ImageAddress

ADDRESSES_LOCK = (
    0x5649_4641  # advisory: imports share it, a fetcher that stores photos excludes them
)


def lock_addresses(*, shared: bool) -> None:
    """Keeps imports, which share the lock, apart from fetchers that write the photos of products,
    until the transaction ends. Otherwise a photo could be stored just before an import names it,
    and reach no product. Take this lock before all others."""
    lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(%s)", [ADDRESSES_LOCK])


def name_addresses(
    named: Mapping[int, Mapping[int, str]],
) -> dict[int, dict[int, PhotoFile | None]]:
    """Makes these addresses the only ones of these products. `named`: {product id: {position:
    address}}, with an empty mapping for a product that has no addresses. Returns the photos that
    are stored already in place of their addresses, and None for those to be fetched. Addresses are
    due if they are new, have been given up, or were fetched more than IMPORT_FETCH_AGE_S ago. Runs
    within the caller's transaction, under the shared lock."""
    texts = {text for places in named.values() for text in places.values()}
    addresses = _find_or_create(texts)
    _request_again(texts)
    _write_places(named, addresses)
    return {
        product_id: {position: photo_of(addresses[text]) for position, text in places.items()}
        for product_id, places in named.items()
    }


def request_photos_of_source(source_id: int) -> None:
    """Makes the addresses of a source's products due that have been given up, or whose photo may
    have changed meanwhile, as if the source had named them again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT address.address FROM catalog_sourceproduct of_source
            JOIN catalog_addressedimage named ON named.product_id = of_source.product_id
            JOIN catalog_imageaddress address ON address.id = named.address_id
            WHERE of_source.source_id = %s AND address.next_at IS NULL
                AND (address.state = 'given up' OR address.fetched_at < %s)
            """,
            [source_id, timezone.now() - timedelta(seconds=settings.IMPORT_FETCH_AGE_S)],
        )
        texts = {row[0] for row in cursor.fetchall()}
    if texts:
        with transaction.atomic():
            lock_addresses(shared=True)
            _request_again(texts)


def remove_unnamed_addresses() -> int:
    """Removes the addresses that no product has any more, nor would have if an import was undone.
    Returns their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM catalog_imageaddress address WHERE NOT EXISTS (
                SELECT FROM catalog_addressedimage named WHERE named.address_id = address.id)
            AND NOT EXISTS (
                SELECT FROM catalog_importedrow entry WHERE entry.relation = 4
                    AND (entry.before ->> 'address_id')::bigint = address.id)
            """
        )
        return cursor.rowcount


def _find_or_create(texts: Collection[str]) -> dict[str, ImageAddress]:
    now = timezone.now()
    found = {row.address: row for row in ImageAddress.objects.filter(address__in=texts)}
    ImageAddress.objects.bulk_create(
        [
            # Sorted, so that imports at the same time insert in one order: no deadlocks.
            ImageAddress(address=text, host=parse_address(text).host, next_at=now)
            for text in sorted(texts - found.keys())
        ],
        ignore_conflicts=True,
    )
    created = ImageAddress.objects.filter(address__in=texts - found.keys())
    return {**found, **{row.address: row for row in created}}


def _request_again(texts: Collection[str]) -> None:
    """Makes those due that have been given up, or whose photo may have changed meanwhile."""
    old = timezone.now() - timedelta(seconds=settings.IMPORT_FETCH_AGE_S)
    given_up = Q(state=ImageAddress.State.GIVEN_UP)
    aged = Q(state=ImageAddress.State.FETCHED, fetched_at__lt=old)
    named = ImageAddress.objects.filter(given_up | aged, address__in=texts, next_at__isnull=True)
    pks = named.order_by("pk").select_for_update().values_list("pk", flat=True)
    ImageAddress.objects.filter(pk__in=list(pks)).request_again()


def _write_places(
    named: Mapping[int, Mapping[int, str]], addresses: Mapping[str, ImageAddress]
) -> None:
    """Writes the rows of AddressedImage that differ."""
    present = {
        (row.product_id, row.position): row.address_id
        for row in AddressedImage.objects.filter(product_id__in=named)
    }
    wanted = {
        (product_id, position): addresses[text].pk
        for product_id, places in named.items()
        for position, text in places.items()
    }
    gone = [pk for pk in present if present[pk] != wanted.get(pk)]
    AddressedImage.objects.filter(pk__in=gone).delete()
    AddressedImage.objects.bulk_create(
        AddressedImage(product_id=pk[0], position=pk[1], address_id=address_id)
        for pk, address_id in sorted(wanted.items())
        if present.get(pk) != address_id
    )


def photo_of(address: ImageAddress) -> PhotoFile | None:
    """Returns the photo that was fetched last."""
    return PhotoFile(address.file, address.content_hash) if address.content_hash else None
