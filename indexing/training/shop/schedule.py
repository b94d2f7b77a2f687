"""How long a training is."""

import math

MIN_STEPS, MAX_STEPS = 150, 350
PRODUCTS_PER_STEP = 10  # of the catalogue, for each step more than MIN_STEPS
# Seconds on two cores, for an encoder twice as large as EfficientNet-Lite0.
STEP_S = 3.5
PHOTO_S = 0.06  # to copy it, and to encode it before and after
ALWAYS_S = 180.0  # the object head, and compiling the new encoder


def count_steps(products: int) -> int:
    """Returns the steps of image training for so many products."""
    return min(MAX_STEPS, MIN_STEPS + products // PRODUCTS_PER_STEP)


def estimate_minutes(steps: int, photos: int) -> int:
    """Returns the minutes that a training takes on two cores, rounded up."""
    return math.ceil((steps * STEP_S + photos * PHOTO_S + ALWAYS_S) / 60)
