"""Tags of products and of photos, and the words that searches know."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.embedding import EncoderVersion
from catalog.models.product import HASH_LENGTH, Product, in_active_language
from catalog.models.querysets import TagQuerySet


class Tag(models.Model):
    """A word that products are tagged with, once an operator has accepted it."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        ACCEPTED = "accepted", _("accepted")
        REFUSED = "refused", _("refused")

    slug = models.SlugField(max_length=100, unique=True, allow_unicode=True)
    name = models.CharField(max_length=100, blank=True)
    name_ru = models.CharField("name in Russian", max_length=100, blank=True)
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.ACCEPTED,
        help_text="Only accepted tags are assigned to products.",
    )
    products = models.PositiveIntegerField(
        default=0,
        help_text="Number of visible products with this word at the last import.",
    )
    examples = ArrayField(
        models.BigIntegerField(), default=list, blank=True, help_text="Ids of some of them."
    )

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.label or self.slug

    @property
    def label(self) -> str:
        return in_active_language(self.name, self.name_ru)

    def clean(self) -> None:
        if not self.name and not self.name_ru:
            raise ValidationError(_("Enter a name in at least one language."))


class ProductTag(models.Model):
    """A tag that the offline side gave to a product. `score` is 0 to 1; 1 means that the product's
    own data has the word. The primary key in the database is (product_id, id), as for photos."""

    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="product_tags", db_index=False
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="product_tags")
    score = models.FloatField()

    class Meta:
        ordering = ["product_id", "-score", "tag_id"]
        constraints = [models.UniqueConstraint(fields=["product", "tag"], name="product_tag_once")]

    def __str__(self) -> str:
        return f"{self.tag} {self.score:.2f}"


class TagCalibration(models.Model):
    """Which tags photos are given by an encoder: reference photos of the catalogue, and the lowest
    score of each tag that counts. `indexing/quality/tag_calibration.py` writes it, and
    `catalog/index/photo_tags.py` reads it."""

    encoder = models.OneToOneField(
        EncoderVersion, on_delete=models.CASCADE, related_name="tag_calibration"
    )
    vocabulary = models.CharField(
        max_length=HASH_LENGTH, help_text="Checksum of the tags that it was made for."
    )
    tags = ArrayField(
        models.BigIntegerField(), default=list, blank=True, help_text="Ids of tags for photos."
    )
    thresholds = ArrayField(
        models.FloatField(), default=list, blank=True, help_text="Lowest score of each tag."
    )
    background = models.FloatField(
        default=1.0, help_text="Cosine from which a product counts as like a photo."
    )
    photos = ArrayField(
        models.PositiveIntegerField(),
        default=list,
        blank=True,
        help_text="Number of reference photos of each product.",
    )
    vectors = models.BinaryField(help_text="float16, reference photos × dimensions.")
    labels = models.BinaryField(help_text="Bits, products × tags.")
    figures = models.JSONField(
        default=dict, blank=True, help_text="Figures of each tag on photos held out, by id."
    )
    checksum = models.CharField(max_length=HASH_LENGTH)
    created_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"tags of {self.encoder}"


class SearchTerm(models.Model):
    """A word of the products' texts, or a name that shoppers search for. The offline side collects
    terms (`catalog/index/search_terms.py`). Searches correct typos by the words, and suggest the
    names. `products`: how many visible products have it."""

    class Kind(models.TextChoices):
        CATEGORY = "category"
        TAG = "tag"
        TITLE = "title"
        WORD = "word"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.CharField(max_length=500)
    products = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["text"]
        constraints = [models.UniqueConstraint(fields=["kind", "text"], name="search_term_once")]

    def __str__(self) -> str:
        return self.text
