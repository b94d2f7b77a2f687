"""How measured figures grow with a catalogue. Each function takes two measured points (size, value)
and a size, and returns the value expected there."""

import math

Point = tuple[float, float]

MAX_EXPONENT = 1.2
"""A graph of n vectors takes n log n: between two sizes far apart, less than this power. A larger
measured exponent is a disturbance."""


def along_line(small: Point, large: Point, size: float) -> float:
    """Bytes of a table: a constant, and so much for each row."""
    slope = (large[1] - small[1]) / (large[0] - small[0])
    return large[1] + slope * (size - large[0])


def along_power(small: Point, large: Point, size: float) -> float:
    """Seconds of a stage: a power of the size, from 0, for samples of fixed size, to
    MAX_EXPONENT."""
    if not small[1] or not large[1]:
        return large[1]
    exponent = math.log(large[1] / small[1]) / math.log(large[0] / small[0])
    return float(large[1] * (size / large[0]) ** min(max(exponent, 0.0), MAX_EXPONENT))


def along_logarithm(small: Point, large: Point, size: float) -> float:
    """Milliseconds of a graph search: the hops grow with the logarithm. It never becomes
    shorter."""
    slope = (large[1] - small[1]) / math.log(large[0] / small[0])
    return large[1] + max(slope, 0.0) * math.log(size / large[0])
