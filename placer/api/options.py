"""Degrees and run as typed on a command line, with a file behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from placer.api.configuration import Configuration, ConfigurationFile
from placer.api.question import RunOptions
from placer.errors import InputError, Problem, shorten
from placer.plan.strategy import CrossSiteMode
from placer.spec.run import Optimizer
from placer.spec.yaml_source import load_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SpecT = TypeVar("SpecT", bound=BaseModel)

_EXPECTED: Final = {
    "zero_stage": "0 to 3",
    "optimizer": f"one of {', '.join(o.value for o in Optimizer)}",
    "recompute": "none, selective or full",
    "cross_site": f"one of {', '.join(mode.value for mode in CrossSiteMode)}",
    "outer_bits": "4, 8, 16 or 32",
}


def read_configuration(
    path: Path | None, degrees: Mapping[str, Any], run: Mapping[str, Any]
) -> tuple[Configuration, RunOptions]:
    """The file's settings, those of ``degrees`` and ``run`` before them.

    Raises
    ------
    InputError
        For a file that does not hold, or an impossible value.
    """
    read = ConfigurationFile() if path is None else load_document(path, ConfigurationFile)
    settings = {n: getattr(read, n) for n in read.model_fields_set if n not in {"run", "model"}}
    stated = {n: getattr(read.run, n) for n in read.run.model_fields_set}
    return made(Configuration, settings | dict(degrees)), made(RunOptions, stated | dict(run))


def made(kind: type[SpecT], settings: Mapping[str, Any]) -> SpecT:
    """The settings as an object; what is wrong is said of the option that named it."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise InputError(
            Problem(
                source="--" + str(details["loc"][0]).replace("_", "-"),
                expected=_EXPECTED.get(str(details["loc"][0]), "a whole number >= 1"),
                found=shorten(repr(details["input"])),
            )
            for details in error.errors(include_url=False)
        ) from error
