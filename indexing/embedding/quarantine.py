"""Images that cannot be embedded: each attempt is counted, and the third sets the image aside with
a reason that an operator can read. A record speaks of one content: a new photo starts afresh."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction

from indexing.models import ImageFailure

log = logging.getLogger("vitrina.indexing")


def note_attempt(product_id: int, image_id: int, content_hash: str, reason: str) -> bool:
    """Counts an attempt that failed, or, noted before it, one that may. True when the image is now
    quarantined."""
    with transaction.atomic():
        failure, _ = ImageFailure.objects.select_for_update().get_or_create(
            product_id=product_id, image_id=image_id, defaults={"content_hash": content_hash}
        )
        if failure.content_hash != content_hash:
            failure.content_hash, failure.attempts = content_hash, 0
        failure.attempts += 1
        failure.reason = reason[:1000]
        failure.quarantined = failure.attempts >= settings.QUARANTINE_ATTEMPTS
        failure.save()
    if failure.quarantined:
        log.warning("image %s of product %s is set aside: %s", image_id, product_id, reason)
    return failure.quarantined


def forget_failures(keys: Sequence[tuple[int, int]]) -> None:
    """Drops the records of images, (product_id, image_id), that turned out well."""
    products, images = [key[0] for key in keys], [key[1] for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM indexing_imagefailure WHERE (product_id, image_id)
            IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
            """,
            [products, images],
        )


def release_images(keys: Sequence[tuple[int, int]]) -> None:
    """Lets quarantined images be tried again at the next refresh."""
    with transaction.atomic(), connection.cursor() as cursor:
        forget_failures(keys)
        cursor.execute("SELECT catalog_note_changes(%s)", [[key[0] for key in keys]])
