"""What the fitted constants should be before any run is looked at."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

FROZEN = ConfigDict(frozen=True, extra="forbid")
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Prior(BaseModel):
    """A constant's physical value; ``sigma`` is one standard deviation of its logarithm."""

    model_config = FROZEN

    value: Positive
    sigma: Positive
    most: Positive = 1e9
    why: str


class _Priors(BaseModel):
    model_config = FROZEN

    priors: dict[str, Prior]


@lru_cache(maxsize=1)
def load_priors() -> dict[str, Prior]:
    """The table data/fit_priors.yaml, by the constants' dotted names, in its order."""
    text = files("placer.data").joinpath("fit_priors.yaml").read_text(encoding="utf-8")
    return _Priors.model_validate(yaml.safe_load(text)).priors
