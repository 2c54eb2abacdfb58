from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import placer


def test_public_names_are_sorted() -> None:
    assert sorted(placer.__all__) == placer.__all__


def test_functions_win_over_subpackages_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ModuleType("placer.api")
    for name in placer.__all__:
        setattr(api, name, lambda: "the function")
    monkeypatch.setitem(sys.modules, "placer.api", api)
    monkeypatch.setattr(placer, "api", api, raising=False)
    importlib.import_module("placer.plan.strategy")
    assert [getattr(placer, name)() for name in placer.__all__] == ["the function"] * len(
        placer.__all__
    )
    assert importlib.import_module("placer.plan").__name__ == "placer.plan"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'plam'"):
        _ = placer.plam  # type: ignore[attr-defined]


def test_importing_placer_imports_nothing_else() -> None:
    code = "import sys, placer; print(*[m for m in sys.modules if m.startswith('placer.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
