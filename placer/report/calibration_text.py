"""What a calibration changed and what it is worth, for a terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from placer.report.loss import signed_percent
from placer.report.text.canvas import lines, rendered, section, table
from placer.units import format_percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from placer.validate.calibrate import Calibrated

SCHEMA: Final = "placer.calibrate/v1"


def render_calibration(calibrated: Calibrated, *, saved_as: str, colour: bool) -> str:
    """Errors before and after, then every constant that moved."""
    parts: list[RenderableType] = [section("Error", _errors_table(calibrated))]
    if calibrated.calibration.constants:
        parts.append(section("Constants", _constants_table(calibrated)))
    derates = calibrated.calibration.derates
    told = [f"clock {derates.clock:g}, straggler {derates.straggler:g}", f"written to {saved_as}"]
    parts.append(section("Calibration", lines(told)))
    return rendered(parts, colour=colour)


def calibration_data(calibrated: Calibrated) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "schema": SCHEMA,
        "errors": [asdict(improvement) for improvement in calibrated.improvements],
        "calibration": calibrated.calibration.model_dump(by_alias=True),
    }


def _errors_table(calibrated: Calibrated) -> Table:
    grid = table(("measured", "left"), ("rows", "right"), ("before", "right"), ("after", "right"))
    for item in calibrated.improvements:
        before, after = format_percent(item.before), format_percent(item.after)
        grid.add_row(item.kind, str(item.rows), before, after)
    return grid


def _constants_table(calibrated: Calibrated) -> Table:
    grid = table(
        ("constant", "left"),
        ("was", "right"),
        ("now", "right"),
        ("change", "right"),
        ("fitted to", "left"),
    )
    for name, entry in sorted(calibrated.calibration.constants.items()):
        was = entry.was or entry.value
        change = signed_percent(entry.value / was - 1.0)
        grid.add_row(name, f"{was:.4g}", f"{entry.value:.4g}", change, entry.source)
    return grid
