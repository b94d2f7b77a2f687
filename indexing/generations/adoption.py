"""Lets another encoder query the live index without embedding the catalogue again."""

from catalog.index.live_index import (
    LiveIndex,
    encoder_of,
    live_generation,
    open_adapter,
    open_space,
)
from catalog.models import Adapter, EncoderVersion
from indexing.adapters.fitting import AdapterError, failed_adapter_gates, fit_adapter
from indexing.generations import publishing
from indexing.generations.encoder_registry import register_encoder
from indexing.ledger.chunking import Check
from indexing.quality.match_calibration import calibrate


def fit_adapter_to_live(
    version: EncoderVersion, check: Check = lambda: None, careful: bool = False
) -> Adapter:
    """Fits an adapter from a registered encoder to the live generation's encoder on the present
    catalogue, and calibrates it if it passes its gates. Searches are not affected. Raises
    AdapterError or EncoderError."""
    live = live_generation()
    if live is None:
        raise AdapterError("Nothing is live yet: run 'index rebuild'.")
    adapter = fit_adapter(version, live.encoder, check, careful)
    if not failed_adapter_gates(adapter.figures):
        encoder, space = encoder_of(adapter.query_encoder), open_space(live)
        index = LiveIndex(live, space.matrix, encoder, open_adapter(adapter))
        calibrate(adapter, index, check)
    return adapter


def adopt_encoder(name: str, check: Check = lambda: None, careful: bool = False) -> Adapter:
    """Fits an adapter for the encoder of that name and lets this encoder query the live index from
    now on. If no adapter can be fitted, or it does not pass its gates, searches are not affected:
    raises AdapterError, PublishingError or EncoderError."""
    adapter = fit_adapter_to_live(register_encoder(name), check, careful)
    publishing.adopt_adapter(adapter)
    return adapter
