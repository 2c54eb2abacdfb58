"""Rows of blocks over time, whole or with the like middle cut out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.report.svg.bars import AXIS_PX
from placer.report.svg.elements import FONT_PX, joined, line, number, path, rect, text, text_width
from placer.report.svg.figure import Drawing
from placer.report.svg.scales import LinearScale, bottom_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

ROWS_PX: Final = 400.0
THINNEST: Final = 8.0
THICKEST: Final = 26.0
BREAK_PX: Final = 26.0
_CUT_AT: Final = 0.55
"""Share of what is shown that stands before the cut."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Blocks of one look: their colour, their name, whether they are a thin strip at the foot."""

    name: str
    colour: str
    strip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One row: its name and, per kind, the spans in seconds when it does that."""

    name: str
    spans: tuple[tuple[Kind, tuple[Span, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A stretch of time and where it stands."""

    scale: LinearScale

    def clipped(self, span: Span) -> Span | None:
        """The pixels of a span's part inside the window."""
        start, end = max(span[0], self.scale.low), min(span[1], self.scale.high)
        return (self.scale.pixel(start), self.scale.pixel(end)) if end > start else None


def timeline(
    tracks: Sequence[Track],
    end_s: float,
    width: float,
    *,
    axis: str,
    row_title: str,
    tell: Callable[[float], str],
    per_pixel: float = 0.7,
) -> Drawing:
    """Rows over time from 0 to ``end_s``.

    Where a row has more than ``per_pixel`` blocks per pixel, its beginning and end are shown and
    the middle is left out.
    """
    step = min(max(ROWS_PX / len(tracks), THINNEST), THICKEST)
    left = max(text_width(track.name) for track in tracks) + 28.0
    most = max(sum(len(spans) for _, spans in track.spans) for track in tracks)
    shown = min((width - left) * per_pixel / max(most, 1), 1.0)
    windows = _windows(end_s, shown, left, width - 8.0)
    bottom = 2.0 + step * len(tracks)
    parts = [text(10.0, (2.0 + bottom) / 2.0, row_title, anchor="middle", turned=True)]
    for window in windows:
        low, high = window.scale.start, window.scale.end
        parts.append(rect(low, 2.0, high - low, bottom - 2.0, css="shade"))
    for index, track in enumerate(tracks):
        parts += _row(track, windows, 2.0 + index * step, step)
    parts += _names(tracks, left, step)
    for window in windows:
        label = axis if window is windows[0] else ""
        parts.append(bottom_axis(window.scale, bottom, bottom, label, tell))
    if len(windows) > 1:
        parts.append(_break(windows, bottom))
    return Drawing(width=width, height=bottom + AXIS_PX, body=joined(parts))


def _windows(end_s: float, shown: float, left: float, right: float) -> tuple[_Window, ...]:
    if shown >= 1.0:
        return (_Window(scale=LinearScale(low=0.0, high=end_s, start=left, end=right)),)
    room = right - left - BREAK_PX
    first, last = end_s * shown * _CUT_AT, end_s * shown * (1.0 - _CUT_AT)
    middle = left + room * _CUT_AT
    return (
        _Window(scale=LinearScale(low=0.0, high=first, start=left, end=middle, most=4)),
        _Window(
            scale=LinearScale(
                low=end_s - last, high=end_s, start=middle + BREAK_PX, end=right, most=3
            )
        ),
    )


def _row(track: Track, windows: tuple[_Window, ...], y: float, step: float) -> Iterator[Markup]:
    """One path per kind, so that thousands of blocks stay small."""
    tall = step - (1.0 if step < 12.0 else 2.0)
    for kind, spans in track.spans:
        height = min(4.0, tall / 2.0) if kind.strip else tall
        top = y + tall - height if kind.strip else y
        clipped = (window.clipped(span) for window in windows for span in spans)
        blocks = [_block(pixels, top, height) for pixels in clipped if pixels is not None]
        if blocks:
            tip = f"{track.name}: {kind.name}"
            yield path("".join(blocks), fill=kind.colour, tip=tip)


def _block(pixels: Span, top: float, height: float) -> str:
    """A gap of half a pixel sets wide blocks apart."""
    start, end = pixels
    wide = max(end - start - (0.6 if end - start > 3.0 else 0.0), 0.2)
    return f"M{number(start)} {number(top)}h{number(wide)}v{number(height)}h-{number(wide)}z"


def _names(tracks: Sequence[Track], left: float, step: float) -> Iterator[Markup]:
    """As many as stand without touching."""
    every = max(1, -(-int(FONT_PX + 1.0) // int(step)))
    for index in range(0, len(tracks), every):
        y = 2.0 + (index + 0.5) * step + 3.0
        yield text(left - 6.0, y, tracks[index].name, anchor="end", css="quiet")


def _break(windows: tuple[_Window, ...], bottom: float) -> Markup:
    """Where the middle is missing."""
    first, last = windows[0].scale.end, windows[1].scale.start
    middle = (first + last) / 2.0
    return joined(
        (
            line(first + 4.0, 2.0, first + 4.0, bottom, css="axis"),
            line(last - 4.0, 2.0, last - 4.0, bottom, css="axis"),
            text(middle, bottom / 2.0, "\N{HORIZONTAL ELLIPSIS}", anchor="middle", css="strong"),
        )
    )
