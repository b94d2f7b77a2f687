"""Cuts products out of photos with a smooth background, to paste them over other backgrounds.

    python -m catalog.demo.strange.grab_cut PHOTOS_JSONL OUT_FOLDER --split dev

Needs OpenCV, which the project itself does not: `pip install opencv-python-headless`. The
background must be a wall over a floor, each of one colour with soft blotches. The tool estimates
the background without the product, and GrabCut (Rother, Kolmogorov, Blake 2004) divides the
difference to the photo into product and background. Check the result by eye. `--shadowed NAME...`
removes shadows, and `--solid NAME...` fills holes in solid products; NAME is the photo's file name
without its ending. Delete the cut-outs that stay bad, such as those of glass or of the wall's
colour."""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

BOX_MARGIN = 0.02  # around the box, as a share of the photo's longer side
GRAB_CUT_ITERATIONS = 5


def find_horizon(rgb: Pixels, outside: NDArray[np.bool_]) -> int:
    """Returns the row where the wall ends: the largest step between rows, outside the box."""
    weight = outside.astype(np.float32)
    rows = (rgb * weight[..., None]).sum(1) / np.maximum(weight.sum(1), 1)[:, None]
    seen = weight.mean(1) > 0.03
    step = np.zeros(len(rows))
    for y in range(4, len(rows) - 4):
        if seen[y - 4 : y + 4].all():
            step[y] = np.abs(rows[y - 4 : y].mean(0) - rows[y : y + 4].mean(0)).sum()
    return int(step.argmax())


def estimate_room(rgb: Pixels, outside: NDArray[np.bool_], line: int) -> Pixels:
    """Returns the photo without its product. Wall and floor are filled in from their visible
    parts."""
    room = rgb.copy()
    for part in (slice(0, line), slice(line, None)):
        known = outside[part].astype(np.float32)
        if known.sum() == 0:
            continue
        total = np.zeros_like(rgb[part])
        weight = np.zeros_like(known)
        for sigma, share in ((12, 1.0), (40, 1e-3), (160, 1e-6)):
            total += share * cv2.GaussianBlur(rgb[part] * known[..., None], (0, 0), sigma)
            weight += share * cv2.GaussianBlur(known, (0, 0), sigma)
        room[part] = total / np.maximum(weight, 1e-12)[..., None]
    return room


def find_shadow(rgb: Pixels, room: Pixels) -> NDArray[np.bool_]:
    """Returns the pixels of `rgb` that have the colour of `room` but are darker, away from
    edges."""
    soft = cv2.GaussianBlur(rgb, (0, 0), 1.5)
    ratio = soft / np.maximum(cv2.GaussianBlur(room, (0, 0), 1.5), 8)
    down, right = np.gradient(soft.mean(-1))
    edge = cv2.dilate(np.hypot(down, right), np.ones((3, 3)))
    same_colour = ratio.max(-1) - ratio.min(-1) < 0.09
    darker = (ratio.mean(-1) > 0.45) & (ratio.mean(-1) < 0.985)
    return np.asarray(same_colour & darker & (edge < 3))


def find_product(photo: Pixels, box: list[float], shadowed: bool) -> NDArray[np.bool_]:
    """Returns which pixels of `photo` (height, width, RGB of 0 to 255) are the product in `box`.

    `shadowed`: shadows near the lower edge of the box are not part of the product.
    """
    rgb = cv2.bilateralFilter(photo, 5, 18, 3).astype(np.float32)
    height, width = rgb.shape[:2]
    margin = BOX_MARGIN * max(height, width)
    x0, y0 = int(box[0] * width - margin), int(box[1] * height - margin)
    x1, y1 = int((box[0] + box[2]) * width + margin), int((box[1] + box[3]) * height + margin)
    outside = np.ones((height, width), bool)
    outside[max(y0, 0) : y1, max(x0, 0) : x1] = False
    line = find_horizon(rgb, outside)
    room = estimate_room(rgb, outside, line)
    difference = rgb - room
    distance = np.abs(difference).max(-1)
    noise = float(np.percentile(distance[outside], 90))
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    mask[distance > max(2.0 * noise, 16)] = cv2.GC_PR_FGD
    if shadowed:
        low = np.arange(height)[:, None] > (box[1] + 0.72 * box[3]) * height
        mask[low & find_shadow(rgb, room)] = cv2.GC_BGD
    mask[outside] = cv2.GC_BGD
    shown = np.clip(128 + difference, 0, 255).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(shown, mask, None, *models, GRAB_CUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
    product = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    above, below = product[max(line - 4, 0)], product[min(line + 3, height - 1)]
    product[max(line - 3, 0) : line + 3] &= above | below  # the estimated horizon is never exact
    return remove_specks(product)


def remove_specks(mask: NDArray[np.bool_], smallest: float = 0.01) -> NDArray[np.bool_]:
    """Removes pieces of `mask` smaller than `smallest` of the largest one, and fills pinholes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = [i for i in range(1, count) if areas[i] >= smallest * areas[1:].max()]
    count, holes, stats, _ = cv2.connectedComponentsWithStats((~np.isin(labels, kept)).astype("u1"))
    pinholes = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] < 12]
    return np.isin(labels, kept) | np.isin(holes, pinholes)


def fill_convex_hull(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    hull = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(mask.astype(np.uint8))), 1)
    return hull > 0


def cut_out(photo: Pixels, box: list[float], *, shadowed: bool, solid: bool) -> Pixels:
    """Returns the product alone, (height, width, RGBA). Its edges take the colours inside them.

    `solid`: the product has neither holes nor dents, so its outline is convex.
    """
    mask = find_product(photo, box, shadowed or solid)
    mask = fill_convex_hull(mask) if solid else mask
    core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    core = core if core.any() else mask
    thin = mask & ~(cv2.dilate(core.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    sure = core | thin
    _, nearest = cv2.distanceTransformWithLabels(
        (~sure).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((nearest.max() + 1, 3), np.uint8)
    colours[nearest[sure]] = photo[sure]
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    alpha = np.clip((alpha - 0.25) / 0.6, 0, 1)
    ys, xs = np.nonzero(alpha > 0)
    rgba = np.dstack([colours[nearest], (alpha * 255).astype(np.uint8)])
    return rgba[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("photos", type=Path, help="photos.jsonl")
    parser.add_argument("out", type=Path, help="folder for the PNG files")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--shadowed", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--solid", nargs="*", default=[], metavar="NAME")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for line in options.photos.read_text().splitlines():
        entry = json.loads(line)
        if entry["split"] != options.split or entry["scene"]:
            continue
        photo = cv2.imread(str(options.photos.parent / entry["file"]))[..., ::-1].copy()
        name = Path(entry["file"]).stem
        rgba = cut_out(
            photo,
            entry["box"],
            shadowed=name in options.shadowed,
            solid=name in options.solid,
        )
        cv2.imwrite(str(options.out / f"{name}.png"), rgba[..., [2, 1, 0, 3]])


if __name__ == "__main__":
    main()
