"""Sources: feeds that a shop keeps at an address or in a file, and that Vitrina pulls regularly."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models.api_access import ApiKey
from catalog.models.image_address import MAX_ADDRESS_LENGTH
from catalog.models.product import HASH_LENGTH
from catalog.models.querysets import SourceQuerySet


class Source(models.Model):
    """A feed, how to read it, when it is pulled, and what came of the last pull.

    `next_at` says when it is due. `etag`, `last_modified` and `content_hash` are those of the feed
    that was imported last, with the options of `options_hash`; a feed that is the same need not be
    read. From `changes_at` on it must be, because a sale in it begins or ends."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    address = models.CharField(
        _("address or file"),
        max_length=MAX_ADDRESS_LENGTH,
        help_text=_("A web address, or the path of a file below IMPORT_ROOT."),
    )
    format = models.CharField(
        _("format"),
        max_length=20,
        blank=True,
        help_text=_("Empty: found by the content of the feed."),
    )
    mapping = models.JSONField(
        _("mapping"),
        default=dict,
        blank=True,
        help_text=_("Which column of a table is which field of products."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        help_text=_("For prices that name none, such as USD."),
    )
    is_full = models.BooleanField(
        _("full"),
        default=True,
        help_text=_(
            "A full feed has all products: those that it no longer has are hidden. A partial"
            " one only adds and changes, and what its rows leave out stays."
        ),
    )
    cron = models.CharField(
        _("schedule"),
        max_length=100,
        blank=True,
        help_text=_("A cron expression of five fields, in UTC. Empty: SOURCE_CRON."),
    )
    enabled = models.BooleanField(
        _("enabled"), default=True, help_text=_("Is pulled by its schedule.")
    )

    next_at = models.DateTimeField(_("next pull"), null=True, blank=True, editable=False)
    requested_by = models.CharField(max_length=150, blank=True, editable=False)
    reads_all = models.BooleanField(
        default=False,
        editable=False,
        help_text=_("The next pull compares every row with the catalogue, changed or not."),
    )
    hides_up_to = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Number of products that an operator lets it hide.")
    )
    attempts = models.PositiveSmallIntegerField(
        _("failed attempts"), default=0, editable=False, help_text=_("Since the last success.")
    )
    pulled_at = models.DateTimeField(_("last pull"), null=True, blank=True, editable=False)
    result = models.TextField(_("last result"), blank=True, editable=False)
    error = models.TextField(blank=True, editable=False, help_text=_("Why the last pull failed."))
    etag = models.CharField("ETag", max_length=500, blank=True, editable=False)
    last_modified = models.CharField("Last-Modified", max_length=100, blank=True, editable=False)
    content_hash = models.CharField(max_length=HASH_LENGTH, blank=True, editable=False)
    options_hash = models.CharField(max_length=HASH_LENGTH, blank=True, editable=False)
    changes_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[SourceQuerySet] = SourceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["name"]
        verbose_name = _("source")
        verbose_name_plural = _("sources")

    def __str__(self) -> str:
        return self.name


class SourceProduct(models.Model):
    """A product that a source names, and the hashes of its rows when they were imported last: of
    the whole rows, and of the rest of them without prices and stock. The row stays when an operator
    deletes the product, so that the same rows do not bring it back. An empty hash is that of rows
    of which some were refused."""

    pk = models.CompositePrimaryKey("product_id", "source_id", "sku")
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    product_id = models.BigIntegerField()
    sku = models.CharField(_("SKU"), max_length=200)
    row_hash = models.BinaryField(max_length=16)
    rest_hash = models.BinaryField(max_length=16, default=b"")

    class Meta:
        indexes = [models.Index(fields=["source", "sku"], name="source_product_sku")]

    def __str__(self) -> str:
        return f"{self.sku} of source {self.source_id}"


class ProductImport(models.Model):
    """An import of products: of a source, of calls of the API with a key, or, if both are empty, of
    a file or an address that a command or an operator named. It counts products."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        WAITING = "waiting", _("Waiting")
        DISCARDED = "discarded", _("Discarded")
        UNDOING = "undoing", _("Undoing")
        UNDONE = "undone", _("Undone")

    UNFINISHED = (State.QUEUED, State.RUNNING, State.UNDOING)

    source = models.ForeignKey(
        Source,
        verbose_name=_("source"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="imports",
    )
    api_key = models.ForeignKey(
        ApiKey,
        verbose_name=_("API key"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(
        _("name"), max_length=300, help_text=_("The source, the file or the address.")
    )
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=State.choices,
        default=State.RUNNING,
        help_text=_("Waiting: an operator confirms or discards it."),
    )
    chunk_id = models.BigIntegerField(
        null=True, blank=True, help_text=_("The chunk of the run that imports.")
    )
    upload = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("The token of the file that an operator has uploaded."),
    )
    started_by = models.CharField(_("by"), max_length=150, blank=True)
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    added = models.PositiveIntegerField(_("added"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    hidden = models.PositiveIntegerField(pgettext_lazy("number of products", "hidden"), default=0)
    removed = models.PositiveIntegerField(_("removed"), default=0)
    refused = models.PositiveIntegerField(_("refused lines"), default=0)
    noted = models.PositiveIntegerField(
        _("noted lines"), default=0, help_text=_("Lines that were written with a change, or twice.")
    )
    notes = models.JSONField(
        default=list, blank=True, help_text=_("The first of them: line number and sentence.")
    )
    missing = models.PositiveIntegerField(
        _("missing"),
        default=0,
        help_text=_("Products that the feed no longer has, if an operator must decide."),
    )
    error = models.TextField(_("error"), blank=True)
    undone_by = models.CharField(_("undone by"), max_length=150, blank=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)
    kept = models.PositiveIntegerField(
        _("kept"),
        default=0,
        help_text=_(
            "Products of which something was not taken back, because it has changed since."
        ),
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = _("import of products")
        verbose_name_plural = _("imports of products")
        constraints = [
            models.UniqueConstraint(
                fields=["chunk_id"], condition=Q(chunk_id__isnull=False), name="import_of_a_chunk"
            ),
            models.UniqueConstraint(
                fields=["upload"], condition=~Q(upload=""), name="import_of_an_upload"
            ),
        ]

    def __str__(self) -> str:
        return _("Import %(id)s of %(name)s") % {"id": self.pk, "name": self.name}

    @property
    def has_changes(self) -> bool:
        return bool(self.added or self.changed or self.hidden or self.removed)

    def of_the_same_place(self) -> "models.QuerySet[ProductImport]":
        """The imports of the same source, of the same key of the API, or of files."""
        place = Q(source_id=self.source_id, api_key_id=self.api_key_id)
        return ProductImport.objects.filter(place)


class ImportedRow(models.Model):
    """A row of a table that an import has written, as it was before. Triggers write it
    (`catalog/migrations/0020_import_journal.py`); undoing the import reads it.

    `digest` is the hash of the values that the import has written. Of an updated row, `before` and
    `after` have the values that differ. Of a deleted one, `before` has all values."""

    class Relation(models.IntegerChoices):
        PRODUCT = 1
        VARIANT = 2
        IMAGE = 3
        ADDRESSED_IMAGE = 4

    pk = models.CompositePrimaryKey("product_import_id", "product_id", "relation", "row_id")
    product_import = models.ForeignKey(
        ProductImport, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    product_id = models.BigIntegerField()
    relation = models.PositiveSmallIntegerField(choices=Relation.choices)
    row_id = models.BigIntegerField()
    op = models.CharField(
        max_length=1,
        help_text=_("I, U or D: inserted, updated, deleted. X: inserted and deleted again."),
    )
    digest = models.UUIDField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["product_id", "relation", "row_id"], name="imported_row_product")
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.get_relation_display()} {self.row_id} by import"


class RefusedLine(models.Model):
    """A line that an import refused, and why. `sku` is empty if it cannot be read."""

    product_import = models.ForeignKey(
        ProductImport, on_delete=models.DO_NOTHING, db_constraint=False
    )
    line = models.PositiveIntegerField()
    sku = models.CharField(_("SKU"), max_length=200, blank=True)
    reason = models.TextField()

    class Meta:
        ordering = ["product_import_id", "line", "id"]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
