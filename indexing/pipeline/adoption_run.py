"""Adoption: another encoder encodes the queries of the live index, through an adapter that is
fitted on the present catalogue. The vectors of the catalogue do not change."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from catalog.visual.errors import EncoderError
from indexing.adapters.fitting import AdapterError
from indexing.generations.adoption import adopt_encoder
from indexing.generations.publishing import PublishingError
from indexing.ledger import runs
from indexing.ledger.chunking import Check, Payload, StageFailed, single_chunk
from indexing.models import Chunk, IndexingRun


def start_adoption(encoder: str) -> IndexingRun:
    """Starts the adoption of the encoder of that name, or returns the unfinished one of the same
    encoder. Raises RunConflict if another is being adopted."""
    run = runs.start_run(IndexingRun.Kind.ADOPTION, encoder=encoder)
    if run.encoder != encoder:
        raise runs.RunConflict(
            _("Adoption %(number)s, of another encoder, is under way: let it finish or cancel it.")
            % {"number": run.pk}
        )
    return run


def plan_adoption(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk."""
    return single_chunk()


def perform_adoption(chunk: Chunk, check: Check) -> None:
    """Adopts the encoder. The run fails, and searches do not change, if no adapter can be fitted or
    it does not pass its gates."""
    try:
        adopt_encoder(chunk.run.encoder, check, careful=chunk.was_interrupted)
    except (AdapterError, PublishingError, EncoderError) as error:
        raise StageFailed(str(error)) from error
