"""The registry of encoders, and the commands and console pages that use it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from catalog.index.live_index import encoder_of, live_index
from catalog.models import EncoderVersion, Generation
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import STARTER, source_of
from indexing.generations.encoder_registry import list_encoders, register_encoder
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_products, found_skus, label_photos, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")


def index(*arguments: str) -> str:
    """Runs `manage.py index …` and returns its output."""
    output = StringIO()
    call_command("index", *arguments, stdout=output, verbosity=0)
    return output.getvalue()


def test_an_encoder_is_registered_once(encoders: dict[str, HistogramEncoder]) -> None:
    version = register_encoder("wide")

    assert register_encoder("wide") == version
    assert (version.name, version.dimensions, version.status) == ("wide", 640, "registered")
    assert version.checksum == encoders["wide"].checksum
    assert version.source == "open_clip: wide"


def test_the_source_of_an_encoder_follows_from_its_name() -> None:
    assert source_of("starter") == str(STARTER)
    assert source_of("hf-hub:shop/model") == "hf-hub:shop/model"
    assert source_of("ViT-B-32/laion2b_s34b_b79k") == "open_clip: ViT-B-32/laion2b_s34b_b79k"


def test_other_weights_under_a_known_name_are_registered_as_another_encoder(
    encoders: dict[str, HistogramEncoder],
) -> None:
    version = register_encoder("wide")
    encoders["wide"].checksum = "f" * 64

    with pytest.raises(EncoderError, match=r"'wide' has changed.+now\): run 'index rebuild'"):
        encoder_of(version)
    assert register_encoder("wide") != version
    assert EncoderVersion.objects.count() == 2


@pytest.mark.long
def test_a_query_encoder_whose_weights_have_changed_is_refused(
    encoders: dict[str, HistogramEncoder],
) -> None:
    add_products(range(160))
    rebuild()
    index("adopt", "wide")
    encoders["wide"].checksum = "f" * 64

    with pytest.raises(EncoderError, match="'wide' has changed"):
        live_index()

    index("rollback")
    assert found_skus(photo(3))[0] == "00003"


@pytest.mark.long
def test_the_registry_stores_the_recall_of_encoders_on_labelled_photos(
    tmp_path: Path, settings: Any
) -> None:
    add_products(range(160))
    settings.LABELLED_PHOTOS = label_photos(tmp_path, range(25))
    settings.COMPOSED_PHOTOS = 100

    rebuild()
    printed = index("register", "bent")

    # Then the live encoder is measured on its index, and the new one on the sample of its adapter,
    measured = dict(EncoderVersion.objects.values_list("name", "quality"))
    recall = {"recall_at_1": 1.0, "recall_at_5": 1.0, "photos": 25}
    assert measured["histogram"]["labelled_photos"] == recall
    assert measured["histogram"]["self_test"]["queries"] == 100
    sample_recall = {"queries": 25, "recall_at_1": 1.0, "recall_at_5": 1.0}
    assert measured["bent"]["sample"]["labelled_photos"] == sample_recall
    # with the labelled products held out.
    assert "fitted on 160 photos" in printed
    assert "labelled photos (25): recall@5 1.000 through the adapter" in printed
    assert "may not be used" not in printed
    assert live_index().query_encoder.name == "histogram"


@pytest.mark.long
def test_the_command_lists_encoders_with_their_embeddings_and_figures(
    settings: Any,
) -> None:
    settings.COMPOSED_PHOTOS = 100
    add_products(range(120))
    rebuild()
    index("register", "bent")

    counted = {version.name: version.embeddings for version in list_encoders()}
    assert counted == {"bent": 120, "histogram": 120}
    lines = index("encoders").splitlines()
    assert lines[0].startswith("registered bent (")
    assert "512 numbers, 120 embeddings, from open_clip: bent" in lines[0]
    assert lines[1].strip().startswith('sample: {"photos": {"queries": 24')
    assert lines[-2].startswith("live       histogram (")
    assert lines[-1].strip().startswith('self_test: {"kind": "composed", "queries": 100')


@pytest.mark.long
def test_adopt_status_and_rollback_print_the_query_encoder() -> None:
    with pytest.raises(CommandError, match="Nothing is live yet"):
        index("adopt", "bent")
    assert index("register", "wide").endswith(
        "No adapter: Nothing is live yet: run 'index rebuild'.\n"
    )
    add_products(range(160))
    rebuild()

    printed = index("adopt", "bent")

    assert printed.splitlines()[-1].startswith("bent (")
    status = json.loads(index("status", "--json"))["generation"]
    assert (status["encoder"], status["query_encoder"]) == ("histogram", "bent")
    assert "encoder histogram, queries encoded by bent, 160 images" in index("status")
    live = Generation.objects.get()
    assert index("rollback") == f"Generation {live.pk} is live.\n"
    assert "queries encoded by" not in index("status")
    with pytest.raises(CommandError, match="no earlier generation"):
        index("rollback")
    with pytest.raises(CommandError, match=r"not good enough: recall@5 of photos"):
        index("adopt", "strange")


@pytest.mark.long
def test_the_command_rebuilds_at_once_with_another_encoder() -> None:
    add_products(range(120))
    rebuild()

    index("rebuild", "--encoder", "wide", "--at-once")

    assert live_index().generation.encoder.name == "wide"
    assert found_skus(photo(11))[0] == "00011"


@pytest.mark.long
def test_the_console_shows_encoders_and_adapters(admin_client: Client, settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    add_products(range(120))
    rebuild()
    index("adopt", "bent")

    encoders, adapters, generations = (
        admin_client.get(reverse(f"admin:catalog_{name}_changelist")).content.decode()
        for name in ("encoderversion", "adapter", "generation")
    )
    assert "open_clip: bent" in encoders
    assert "recall@5" in adapters
    assert "bent (" in generations
    for name, row in (
        ("encoderversion", EncoderVersion.objects.first()),
        ("adapter", Generation.objects.get().query_adapter),
    ):
        assert row is not None
        page = reverse(f"admin:catalog_{name}_change", args=[row.pk])
        assert "recall" in admin_client.get(page).content.decode()
        assert admin_client.post(page, {"name": "x"}).status_code == 403
