"""What publishing a generation and rolling back would do, in sentences for those who decide."""

from django.utils.translation import gettext as _

from catalog.console.stored_sentences import translate_sentence
from catalog.models import Generation
from indexing.generations import publishing

State = Generation.State


def describe_publishing(generation: Generation) -> list[str]:
    """Says what publishing a generation changes."""
    live = Generation.objects.filter(state=State.LIVE).first()
    said = [
        _(
            "Generation %(number)s (%(encoder)s) answers searches at once: %(images)s photos of"
            " %(products)s products."
        )
        % {
            "number": generation.pk,
            "encoder": generation.encoder.name,
            "images": generation.images,
            "products": generation.products,
        }
    ]
    if live is not None:
        said.append(
            _("Generation %(number)s is kept, so that you can roll back.") % {"number": live.pk}
        )
    said.append(_("Products that changed since it was built follow at the next refresh."))
    if generation.state == State.REJECTED:
        said.append(
            _("It was rejected: %(note)s.") % {"note": translate_sentence(generation.note) or "–"}
        )
    elif generation.note:
        said.append(
            _("It finds less than the generation that was live when it was built: %(note)s.")
            % {"note": translate_sentence(generation.note)}
        )
    return said


def describe_keeping(generation: Generation) -> list[str]:
    """Says what it means to keep a generation that is worse than the one before."""
    return [
        _("It finds less than the generation that was live when it was built: %(note)s.")
        % {"note": translate_sentence(generation.note) or "–"},
        _("It stays live, and the first page no longer warns of it. You can still roll back."),
    ]


def describe_roll_back() -> list[str]:
    """Says what a roll back would undo. Raises PublishingError if there is nothing to go back
    to."""
    live, target = publishing.find_roll_back()
    if target is None:
        return [
            _(
                "Queries are encoded by %(encoder)s again, without the adapter from %(other)s."
                " The vectors do not change."
            )
            % {"encoder": live.encoder.name, "other": live.query_encoder.name}
        ]
    at = f"{live.published_at:%Y-%m-%d %H:%M}" if live.published_at else "–"
    return [
        _("This undoes the switch to generation %(number)s (%(encoder)s) of %(at)s UTC.")
        % {"number": live.pk, "encoder": live.encoder.name, "at": at},
        _(
            "Generation %(number)s (%(encoder)s) answers searches at once. Products that changed"
            " since follow at the next refresh."
        )
        % {"number": target.pk, "encoder": target.encoder.name},
        _("Generation %(number)s is kept: you can publish it again.") % {"number": live.pk},
    ]
