"""The frameworks' environments: pinned whole, built once, and never passed over in silence."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import framework_environments as environments
import pytest

PINNED = re.compile(r"[A-Za-z0-9._-]+==[^\s;]+")


@pytest.mark.parametrize(
    "path", sorted(environments.REQUIREMENTS.glob("*.txt")), ids=lambda p: p.stem
)
def test_everything_is_pinned(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An environment `top` upon `base`, and what would have been run to build them."""
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    (requirements / "base.txt").write_text("torch==2.13.0\n")
    (requirements / "top.txt").write_text("# upon base\ndeepspeed==0.19.8\n")
    (requirements / "top.unpacked.txt").write_text("megatron-core==0.19.2\n")
    monkeypatch.setattr(environments, "REQUIREMENTS", requirements)
    monkeypatch.setattr(environments, "PAUSE_S", 0.0)
    monkeypatch.setattr(environments, "_failures", {})
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path / "cache"))
    run: list[list[str]] = []

    def fake(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        run.append(command)
        if "venv" in command:
            (Path(command[-1]) / "lib" / "python3.11" / "site-packages").mkdir(
                parents=True, exist_ok=True
            )
        missing = "install" in command and "deepspeed==9" in Path(command[-1]).read_text()
        return subprocess.CompletedProcess(
            command, int(missing), stdout="", stderr="no such release\n"
        )

    monkeypatch.setattr(subprocess, "run", fake)
    return run


def test_what_is_shared_is_built_first_and_once(commands: list[list[str]], tmp_path: Path) -> None:
    python = environments.environment_python("top")
    assert python == str(tmp_path / "cache" / "top" / "bin" / "python")
    installs = [Path(command[-1]).name for command in commands if "install" in command]
    assert installs == ["base.txt", "top.txt", "top.unpacked.txt"]
    packages = tmp_path / "cache" / "top" / "lib" / "python3.11" / "site-packages"
    below = tmp_path / "cache" / "base" / "lib" / "python3.11" / "site-packages"
    assert (packages / "upon.pth").read_text() == f"{below}\n"
    commands.clear()
    assert environments.environment_python("top") == python
    assert commands == []


def test_other_requirements_are_another_environment(
    commands: list[list[str]], tmp_path: Path
) -> None:
    environments.environment_python("top")
    commands.clear()
    (tmp_path / "requirements" / "base.txt").write_text("torch==2.14.0\n")
    environments.environment_python("top")
    installs = [Path(command[-1]).name for command in commands if "install" in command]
    assert installs == ["base.txt", "top.txt", "top.unpacked.txt"]


def test_what_cannot_be_built_says_so_after_trying_again(
    commands: list[list[str]], tmp_path: Path
) -> None:
    (tmp_path / "requirements" / "top.txt").write_text("deepspeed==9\n")
    with pytest.raises(
        environments.NotBuiltError, match=r"top: .* cannot be built: no such release"
    ):
        environments.environment_python("top")
    tries = [command for command in commands if command[-1].endswith("top.txt")]
    assert len(tries) == environments.NUM_ATTEMPTS
    commands.clear()
    with pytest.raises(environments.NotBuiltError):
        environments.environment_python("top")
    assert commands == []
    assert environments.main(["top"]) == 1
