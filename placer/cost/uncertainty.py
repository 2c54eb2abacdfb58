"""How well the constants are known, by group: data/uncertainty.yaml."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

FROZEN = ConfigDict(frozen=True, extra="forbid")
Spread = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ConstantGroup(BaseModel):
    """Constants that err together; ``sigma`` is one standard deviation of their logarithm.

    ``members`` are dotted names or beginnings of such; ``share`` says that they are shares of a
    whole.
    """

    model_config = FROZEN

    name: str
    members: tuple[str, ...]
    sigma: Spread
    share: bool = False
    source: str

    def holds(self, constant: str) -> bool:
        """Whether a constant of this dotted name is in the group."""
        return constant.startswith(self.members)


class Uncertainty(BaseModel):
    """Groups of constants, and what configurations differ by that no constant explains."""

    model_config = FROZEN

    groups: tuple[ConstantGroup, ...]
    between_configurations: Spread
    between_source: str


@lru_cache(maxsize=1)
def load_uncertainty() -> Uncertainty:
    """The table that travels with placer."""
    text = files("placer.data").joinpath("uncertainty.yaml").read_text(encoding="utf-8")
    return Uncertainty.model_validate(yaml.safe_load(text))
