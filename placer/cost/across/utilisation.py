"""How much bandwidth between sites keeps computation at a share of the time, and what is published.

Two papers simulated it; ``BandwidthTable`` holds their figures beside what our formula asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from placer.cost.across.exchange import backward_window, exchange_bytes, required_bytes_per_s
from placer.spec.yaml_source import load_document

PUBLISHED: Final = Path(__file__).resolve().parents[2] / "data" / "utilisation.yaml"
BYTES_PER_GBIT: Final = 1e9 / 8

FROZEN = ConfigDict(frozen=True, extra="forbid")
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]


class SimulatedRow(BaseModel):
    """One method: bandwidths (Gbit/s) for the first so many of the table's utilisations."""

    model_config = FROZEN

    inner_steps: Annotated[int, Field(ge=1)]
    """1 is data parallelism."""
    gbps: tuple[Positive, ...]


class SimulatedModel(BaseModel):
    """One model of the table; ``step_s`` is the computation of one inner step."""

    model_config = FROZEN

    name: str
    parameters: Positive
    layers: Annotated[int, Field(ge=2)]
    step_s: Positive
    rows: tuple[SimulatedRow, ...]


class FittedBytes(BaseModel):
    """Bytes each replica sends per parameter and exchange."""

    model_config = FROZEN

    value: Positive
    unit: str
    kind: str
    source: str


class SimulatedTable(BaseModel):
    """The published table, and the grid its bandwidths lie on."""

    model_config = FROZEN

    source: str
    points_per_decade: Positive
    utilisations: tuple[Share, ...]
    bytes_per_parameter: FittedBytes
    models: tuple[SimulatedModel, ...]


class MeasuredUtilisation(BaseModel):
    """A real run; ``told`` says what its owners kept to themselves."""

    model_config = FROZEN

    name: str
    source: str
    parameters: Positive
    layers: Annotated[int, Field(ge=2)]
    sites: Annotated[int, Field(ge=2)]
    bytes_per_parameter: Positive
    inner_steps: Annotated[int, Field(ge=1)]
    step_s: Positive
    overlapped: bool
    utilisation: Share
    told: str

    @property
    def implied_bytes_per_s(self) -> float:
        """Bandwidth of the narrowest link at which our formula gives this utilisation."""
        payload = exchange_bytes(self.parameters * self.bytes_per_parameter, self.sites)
        return required_bytes_per_s(
            payload,
            self.inner_steps * self.step_s,
            self.utilisation,
            window_s=backward_window(self.layers) * self.step_s if self.overlapped else 0.0,
            chunks=self.layers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One bandwidth (Gbit/s) as printed, and what our formula expects to be printed."""

    model: SimulatedModel
    row: SimulatedRow
    utilisation: float
    published_gbps: float
    predicted_gbps: float

    @property
    def error(self) -> float:
        """Ours over theirs, less one."""
        return self.predicted_gbps / self.published_gbps - 1.0


class BandwidthTable(BaseModel):
    """What is published about bandwidth and utilisation."""

    model_config = FROZEN

    simulated: SimulatedTable
    measured: tuple[MeasuredUtilisation, ...]

    def predicted_gbps(self, model: SimulatedModel, row: SimulatedRow, utilisation: float) -> float:
        """What our formula expects the table to print.

        What is needed, and half a step of their grid: they print the first point that suffices.
        """
        needed = required_bytes_per_s(
            model.parameters * self.simulated.bytes_per_parameter.value,
            row.inner_steps * model.step_s,
            utilisation,
            window_s=backward_window(model.layers) * model.step_s,
            chunks=model.layers,
        )
        half_step = 10.0 ** (0.5 / self.simulated.points_per_decade)
        return float(needed / BYTES_PER_GBIT * half_step)

    def cells(self) -> tuple[Cell, ...]:
        """Every bandwidth printed beside ours, in file order."""
        return tuple(
            Cell(
                model=model,
                row=row,
                utilisation=share,
                published_gbps=printed,
                predicted_gbps=self.predicted_gbps(model, row, share),
            )
            for model in self.simulated.models
            for row in model.rows
            for share, printed in zip(self.simulated.utilisations, row.gbps, strict=False)
        )


@lru_cache(maxsize=1)
def published_utilisation() -> BandwidthTable:
    """The figures that travel with placer."""
    return load_document(PUBLISHED, BandwidthTable)
