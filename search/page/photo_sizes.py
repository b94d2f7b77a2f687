"""Template filters for photos of products in the widths that `search.serving.sized_photos` has.
The property `sizes` of a picture says how wide the page shows it; the browser then chooses."""

from django import template

from search.serving.sized_photos import WIDTHS

register = template.Library()


@register.filter
def sized(url: str, width: int) -> str:
    """Returns the URL of a photo in one of WIDTHS."""
    return f"{url}?w={width}"


@register.filter
def srcset(url: str) -> str:
    """Returns a photo in all widths, for the attribute `srcset`."""
    return ", ".join(f"{sized(url, width)} {width}w" for width in WIDTHS)
