"""What all tests share: hypothesis profiles, and a terminal that looks the same everywhere."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The machines that run this are small and shared: the time one example takes says nothing.
settings.register_profile(
    "placer", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("placer")


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output does not depend on who runs the tests, and where."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("PLACER_DEBUG", raising=False)
