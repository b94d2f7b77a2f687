"""Quarantine of images that cannot be embedded. Each failed attempt is counted, and the third
quarantines the image with a reason for the operator. A record holds for one content hash: a new
photo starts with no failed attempts."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from indexing.models import ImageFailure

RELEASED_AT_ONCE = 1_000

log = logging.getLogger("vitrina.indexing")


def record_failure(product_id: int, image_id: int, content_hash: str, reason: str) -> bool:
    """Records a failed attempt to read an image. Returns whether the image is now quarantined."""
    with transaction.atomic():
        failure, _ = ImageFailure.objects.select_for_update().get_or_create(
            product_id=product_id, image_id=image_id, defaults={"content_hash": content_hash}
        )
        if failure.content_hash != content_hash:
            failure.content_hash, failure.attempts = content_hash, 0
            failure.since = timezone.now()
        failure.attempts += 1
        failure.reason = reason[:1000]
        failure.quarantined = failure.attempts >= settings.QUARANTINE_ATTEMPTS
        failure.save()
    if failure.quarantined:
        log.warning("image %s of product %s is quarantined: %s", image_id, product_id, reason)
    return failure.quarantined


def forget_failures(keys: Sequence[tuple[int, int]]) -> None:
    """Deletes the records of these images, (product_id, image_id). They have been embedded."""
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
    """Ends the quarantine of images, (product_id, image_id). The next refresh tries them again."""
    with transaction.atomic(), connection.cursor() as cursor:
        forget_failures(keys)
        cursor.execute("SELECT catalog_note_changes(%s)", [[key[0] for key in keys]])


def release_all_images() -> int:
    """Ends the quarantine of all images, and returns their number."""
    number = 0
    while keys := list(
        ImageFailure.objects.values_list("product_id", "image_id")[:RELEASED_AT_ONCE]
    ):
        release_images(keys)
        number += len(keys)
    return number
