"""Querysets of the catalogue with domain names for common reads, and the deletion of old rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, connections, models
from django.db.models import Case, Q, Value, When
from django.utils import timezone

if TYPE_CHECKING:
    from catalog.models import (  # noqa: F401
        Category,
        ClickBurst,
        Event,
        ImageAddress,
        Product,
        Source,
        Tag,
    )


ROWS_AT_ONCE = 5_000  # of a statement that deletes or changes old rows


def delete_older(model: type[models.Model], before: datetime) -> int:
    """Deletes the rows of a table without partitions whose `at` is before a moment, some at a time,
    so that no statement takes long. Returns their number."""
    table, total = model._meta.db_table, 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"DELETE FROM {table} WHERE ctid IN"
                f" (SELECT ctid FROM {table} WHERE at < %s LIMIT {ROWS_AT_ONCE})",
                [before],
            )
            if not cursor.rowcount:
                return total
            total += cursor.rowcount


class CategoryQuerySet(models.QuerySet["Category"]):
    def subtree_ids(self, slugs: list[str]) -> list[int]:
        """Returns the ids of the categories with these slugs and of all their descendants, read in
        one query."""
        rows = self.model.objects.raw(
            """
            WITH RECURSIVE below AS (
                SELECT id FROM catalog_category WHERE slug = ANY(%s)
                UNION
                SELECT child.id FROM catalog_category child JOIN below ON child.parent_id = below.id
            )
            SELECT id FROM below
            """,
            [slugs],
        )
        return [row.pk for row in rows]


class ProductQuerySet(models.QuerySet["Product"]):
    def visible(self) -> "ProductQuerySet":
        """Returns the products that shoppers may see."""
        return self.filter(is_visible=True)

    def for_display(self) -> "ProductQuerySet":
        """Fetches the category by a join, and the photos and tags in two more queries."""
        from catalog.models import ProductTag

        tags = models.Prefetch("product_tags", ProductTag.objects.select_related("tag"))
        return self.select_related("category").prefetch_related("images", tags)


class ClickBurstQuerySet(models.QuerySet["ClickBurst"]):
    def undecided(self) -> "ClickBurstQuerySet":
        """Returns the bursts on which no operator has decided."""
        return self.filter(decision="open")

    def clicks(self) -> int:
        """Returns the number of clicks in all these bursts."""
        return self.aggregate(models.Sum("clicks"))["clicks__sum"] or 0


class TagQuerySet(models.QuerySet["Tag"]):
    def accepted(self) -> "TagQuerySet":
        """Returns the tags that products are tagged with, by slug."""
        return self.filter(state="accepted").order_by("slug")

    def proposed(self) -> "TagQuerySet":
        """Returns the tags on which no operator has decided."""
        return self.filter(state="proposed")


class ImageAddressQuerySet(models.QuerySet["ImageAddress"]):
    def due(self, now: datetime | None = None) -> "ImageAddressQuerySet":
        """Returns the addresses that are to be fetched now and that no fetcher has claimed."""
        now = now or timezone.now()
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
        return self.filter(free, next_at__lte=now)

    def request_again(self) -> int:
        """Makes the addresses due, as if they had never failed. Returns their number."""
        now = timezone.now()
        has_photo = ~Q(content_hash="")
        return self.update(
            state=Case(When(has_photo, then=Value("fetched")), default=Value("waiting")),
            waiting_since=now,
            next_at=now,
            attempts=0,
        )


class SourceQuerySet(models.QuerySet["Source"]):
    def due(self, now: datetime | None = None) -> "SourceQuerySet":
        """Returns the sources that are to be pulled now. One that an operator has asked for is
        pulled although it is not enabled."""
        asked = Q(enabled=True) | ~Q(requested_by="")
        return self.filter(asked, next_at__lte=now or timezone.now())


class EventQuerySet(models.QuerySet["Event"]):
    INSERT_ONCE = """
        INSERT INTO catalog_event
            (at, type, product_id, "user", session, query_id, origin, channel)
        SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::bigint[], %s::text[], %s::text[],
                             %s::text[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING
    """
    COLUMNS = ("at", "type", "product_id", "user", "session", "query_id", "origin", "channel")

    def of_sender(self, user: str = "", session: str = "") -> "EventQuerySet":
        """The events of a user, or of a session. Raises ValueError if it is given neither."""
        if not user and not session:
            raise ValueError("Give user or session.")
        return self.filter(user=user) if user else self.filter(session=session)

    def insert_once(self, events: "Sequence[Event]") -> int:
        """Stores those of the unsaved events that are not stored yet, and returns their number."""
        columns = [[getattr(event, name) for event in events] for name in self.COLUMNS]
        with connections[self.db].cursor() as cursor:
            cursor.execute(self.INSERT_ONCE, columns)
            return int(cursor.rowcount)

    def prepare_months(self, first: datetime, last: datetime) -> None:
        """Makes the partitions of the months from `first` to `last`."""
        with connections[self.db].cursor() as cursor:
            cursor.execute("SELECT catalog_event_months(%s, %s)", [first, last])
