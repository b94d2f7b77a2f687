"""Photos that imports name by web addresses: what is known of each address, and which photos of
products it supplies."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.models.product import HASH_LENGTH, Product
from catalog.models.querysets import ImageAddressQuerySet

MAX_ADDRESS_LENGTH = 2000  # characters, all of them ASCII; PostgreSQL limits the keys of an index


class ImageAddress(models.Model):
    """A web address of a photo. It is fetched once, however many products it belongs to.

    `next_at` says when it is due, and is empty if it is not to be fetched. A fetcher claims a due
    address until `claimed_until`. `content_hash` and `file` are those of the photo that was fetched
    last, and stay while a later attempt fails."""

    class State(models.TextChoices):
        WAITING = "waiting"
        FETCHED = "fetched"
        FAILED = "failed"
        GIVEN_UP = "given up"

    address = models.CharField(max_length=MAX_ADDRESS_LENGTH)
    host = models.CharField(max_length=255)
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.WAITING,
        help_text="Failed: is tried again. Given up: waits for an import or an operator.",
    )
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")
    attempts = models.PositiveSmallIntegerField(
        "failed attempts", default=0, help_text="Since the last success."
    )
    waiting_since = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField("next attempt", null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(
        null=True, blank=True, help_text="When the server last sent the photo or called it current."
    )
    etag = models.CharField("ETag", max_length=500, blank=True)
    last_modified = models.CharField("Last-Modified", max_length=100, blank=True)
    content_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    file = models.CharField(max_length=500, blank=True)

    objects: ClassVar[ImageAddressQuerySet] = ImageAddressQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "photo address"
        verbose_name_plural = "photo addresses"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["address"], name="image_address_once")]
        indexes = [
            models.Index(
                fields=["host", "next_at"],
                condition=Q(next_at__isnull=False),
                name="image_address_due",
            ),
            models.Index(fields=["claimed_at"], name="image_address_claimed_at"),
            models.Index(
                fields=["claimed_until"],
                condition=Q(claimed_until__isnull=False),
                name="image_address_held",
            ),
            models.Index(
                fields=["state", "waiting_since"],
                condition=~Q(state="fetched"),
                name="image_address_not_fetched",
            ),
        ]

    def __str__(self) -> str:
        return self.address


class AddressedImage(models.Model):
    """The photo of a product that an address supplies, by its position. There is a row before the
    photo is fetched. An import that names other images changes the row."""

    pk = models.CompositePrimaryKey("product_id", "position")
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="addressed_images", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    address = models.ForeignKey(
        ImageAddress, on_delete=models.CASCADE, related_name="addressed_images"
    )

    def __str__(self) -> str:
        return f"photo {self.position} of product {self.product_id}"
