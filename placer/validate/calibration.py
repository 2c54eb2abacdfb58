"""A calibration: constants measured on the user's own machine, as a file that replaces ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from placer.cost.constants import Constants, ConstantsError
from placer.errors import InputError, Problem
from placer.spec.suggest import did_you_mean
from placer.spec.yaml_source import load_document

FROZEN = ConfigDict(frozen=True, extra="forbid")
SCHEMA: Final = "placer.calibration/v1"

Positive = Annotated[float, Field(gt=0, lt=1e18, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=2000)]

RATES: Final = ("compute.sustained_", "compute.attention_")
"""Constants that scale with the clock: the beginnings of their names."""


class CalibratedConstant(BaseModel):
    """A constant's new value; ``was`` is what placer ships, for the reader."""

    model_config = FROZEN

    value: Positive
    was: Positive | None = None
    source: Text
    """What it was fitted to."""


class Derates(BaseModel):
    """What slows the machine down beside the constants."""

    model_config = FROZEN

    clock: Annotated[float, Field(gt=0, le=1.5, allow_inf_nan=False)] = 1.0
    """Clock under a power cap over the clock the constants hold at."""
    straggler: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 1.0
    """Step time with the slowest accelerator over the step time of a typical one."""


class Calibration(BaseModel):
    """The file `placer calibrate` writes; people may write or edit it by hand."""

    model_config = FROZEN

    schema_: Annotated[Literal["placer.calibration/v1"], Field(alias="schema")] = SCHEMA
    derates: Derates = Derates()
    constants: dict[str, CalibratedConstant] = {}
    """By dotted name, as in `placer`'s own table."""


def load_calibration(path: Path, constants: Constants) -> Calibration:
    """Read a calibration file.

    Raises
    ------
    InputError
        When it is malformed or names a constant that ``constants`` lacks.
    """
    calibration = load_document(path, Calibration)
    known = [constant.name for constant in constants.entries]
    problems = [
        Problem(
            source=str(path),
            field=f"constants.{name}",
            expected="a constant of the cost model",
            found=repr(name),
            remedy=did_you_mean(name, known),
        )
        for name in calibration.constants
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return calibration


def apply(constants: Constants, calibration: Calibration) -> Constants:
    """The table with calibrated values in place, derates on top.

    The clock multiplies every rate of matrix products and attention. A straggler slows the whole
    group that waits for it, so it divides the same rates.

    Raises
    ------
    ConstantsError
        For a name the table lacks.
    """
    for name, entry in calibration.constants.items():
        constants = constants.replace({name: entry.value}, source=f"calibrated: {entry.source}")
    scale = calibration.derates.clock / calibration.derates.straggler
    return scaled(constants, rate_names(constants), scale) if scale != 1.0 else constants


def rate_names(constants: Constants) -> tuple[str, ...]:
    """Constants that scale with the clock."""
    return tuple(c.name for c in constants.entries if is_rate(c.name))


def is_rate(name: str) -> bool:
    """Whether a constant scales with the clock: not the ratio of two rates."""
    return name.startswith(RATES) and not name.endswith("_ratio")


def scaled(constants: Constants, names: tuple[str, ...], factor: float) -> Constants:
    """The table with some constants multiplied."""
    values = {name: constants.value(name) * factor for name in names}
    return constants.replace(values, source="calibrated: derates")


def calibration_yaml(calibration: Calibration) -> str:
    """The file's text; constants in name order."""
    body: dict[str, object] = {"schema": SCHEMA}
    body["derates"] = calibration.derates.model_dump()
    body["constants"] = {
        name: entry.model_dump(exclude_none=True)
        for name, entry in sorted(calibration.constants.items())
    }
    head = (
        "# Written by placer calibrate. Give it to plan, estimate and compare: --calibration FILE\n"
    )
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)


def changed(
    before: Constants, after: Constants, sources: Mapping[str, str]
) -> dict[str, CalibratedConstant]:
    """Constants whose value differs, with where each came from.

    Raises
    ------
    ConstantsError
        When a changed constant has no source.
    """
    found = {}
    for constant in before.entries:
        value = after.value(constant.name)
        if value == constant.value:
            continue
        if constant.name not in sources:
            raise ConstantsError(f"calibration: {constant.name} changed without a source")
        found[constant.name] = CalibratedConstant(
            value=float(f"{value:.5g}"), was=constant.value, source=sources[constant.name]
        )
    return found
