"""What layouts of different size are given the same of."""

from __future__ import annotations

from enum import StrEnum


class Budget(StrEnum):
    """What all layouts get the same of."""

    GPUS = "gpus"
    POWER = "power"
    CAPEX = "capex"
