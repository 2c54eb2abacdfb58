"""Colours along a scale: matplotlib's viridis, even in lightness, so safe for colour-blind readers."""

from __future__ import annotations

from typing import Final

_ANCHORS: Final = (
    (0x44, 0x01, 0x54),
    (0x47, 0x2D, 0x7B),
    (0x3B, 0x52, 0x8B),
    (0x2C, 0x72, 0x8E),
    (0x21, 0x91, 0x8C),
    (0x28, 0xAE, 0x80),
    (0x5E, 0xC9, 0x62),
    (0xAD, 0xDC, 0x30),
    (0xFD, 0xE7, 0x25),
)
"""Viridis at every eighth (van der Walt and Smith, https://bids.github.io/colormap, CC0)."""

_DARK_INK_FROM: Final = 0.18
"""Relative luminance from which black reads better than white (WCAG 2.2: where ratios are equal)."""


def ramp_colour(share: float) -> str:
    """The colour at 0 (dark) to 1 (light), ``#rrggbb``."""
    place = min(max(share, 0.0), 1.0) * (len(_ANCHORS) - 1)
    index = min(int(place), len(_ANCHORS) - 2)
    weight = place - index
    pairs = zip(_ANCHORS[index], _ANCHORS[index + 1], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * weight):02x}" for a, b in pairs)


def tinted(colour: str, share: float) -> str:
    """A colour mixed with white by ``share``, or with black where that is negative."""
    target = 255 if share > 0.0 else 0
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(c + (target - c) * abs(share)):02x}" for c in channels)


def ink_on(colour: str) -> str:
    """The class of text that reads best on a colour: ``onlight`` is black, ``ondark`` white."""
    return "onlight" if luminance(colour) >= _DARK_INK_FROM else "ondark"


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.2, "relative luminance")."""
    channels = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
