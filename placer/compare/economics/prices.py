"""The price file: what the user pays, and what is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from placer.spec.site_facts import SourcedFigure
from placer.spec.yaml_source import load_document
from placer.units import Dimension, parse_quantity

FROZEN = ConfigDict(frozen=True, extra="forbid")
DATA: Final = Path(__file__).resolve().parents[2] / "data" / "prices.yaml"
OTHER: Final = "other"
"""Key of switches that a cluster file describes itself."""

Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Priced = Annotated[dict[str, Price], Field(max_length=1000)]


def _read_rates(value: object) -> object:
    """Let rates with their units be the keys."""
    if not isinstance(value, dict):
        return value
    return {parse_quantity(rate, Dimension.BANDWIDTH): ratio for rate, ratio in value.items()}


class ModulePrices(BaseModel):
    """Optical modules, one end of a link; other rates relative to 800 Gbit/s."""

    model_config = FROZEN

    price_800g: Price | None = None
    relative: Annotated[dict[float, SourcedFigure[Price]], BeforeValidator(_read_rates)] = {}
    lpo: Price | None = None
    """A linear module over one with a signal processor."""

    def in_800g(self, rate_bytes_per_s: float) -> float | None:
        """Price of a module over one of 800 Gbit/s; None where nobody says."""
        for rate, ratio in self.relative.items():
            if abs(rate / rate_bytes_per_s - 1.0) < 1e-6:
                return ratio.value
        return None


class Prices(BaseModel):
    """What is bought, rented and consumed, in one currency; None: unknown."""

    model_config = FROZEN

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    accelerators: Priced = {}
    rent_per_hour: Priced = {}
    switches: Priced = {}
    modules: ModulePrices = ModulePrices()
    copper_cable: Price | None = None
    electricity_per_kwh: Price | None = None
    lifetime_years: Annotated[float, Field(gt=0, le=100)] | None = None


def load_prices(path: str | Path | None = None) -> Prices:
    """Read a price file; the one that travels with placer when None.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    return load_document(DATA if path is None else Path(path), Prices)
