"""Environments of real frameworks, built once and kept in a cache folder.

``PLACER_FRAMEWORKS`` names the folder (default ``~/.cache/placer-frameworks``). An environment whose
requirements have not changed is used as it is. What is large and wanted by several lies in an
environment of its own, which a requirements file names in its first line: ``# upon NAME``.

Run as a program, this builds the environments named, or all of them, and says how long each took.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).parent / "frameworks" / "requirements"
VARIABLE: Final = "PLACER_FRAMEWORKS"
NUM_ATTEMPTS: Final = 3
PAUSE_S: Final = 10.0
NUM_BUILDERS: Final = 2
_UPON: Final = "# upon "
_PIP: Final = [sys.executable, "-m", "pip", "--python"]
_INSTALL: Final = ["install", "-q", "--no-compile", "--no-warn-script-location", "--retries", "5"]


class NotBuiltError(Exception):
    """An environment that cannot be built here; carries the end of what the installer said."""


_failures: dict[str, NotBuiltError] = {}


def environment_names() -> tuple[str, ...]:
    """Every environment there is a requirements file for."""
    stems = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
    return tuple(stem for stem in stems if not stem.endswith(".unpacked"))


def environment_python(name: str) -> str:
    """The interpreter of an environment, which is built if it is not there.

    Raises
    ------
    NotBuiltError
        When it cannot be built, at once if that was so before.
    """
    if name in _failures:
        raise _failures[name]
    cache = Path(os.environ.get(VARIABLE, "~/.cache/placer-frameworks")).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, stamp = cache / name, cache / name / "requirements.sha256"
        if not stamp.exists() or stamp.read_text() != _fingerprint(name):
            try:
                _build(name, folder)
            except NotBuiltError as error:
                _failures[name] = error
                raise
            stamp.write_text(_fingerprint(name))
    return str(folder / "bin" / "python")


def _files(name: str) -> list[Path]:
    files = [REQUIREMENTS / f"{name}.txt", REQUIREMENTS / f"{name}.unpacked.txt"]
    return [path for path in files if path.exists()]


def _upon(name: str) -> str | None:
    """The environment this one is built upon, if any."""
    first = (REQUIREMENTS / f"{name}.txt").read_text().partition("\n")[0]
    return first.removeprefix(_UPON) if first.startswith(_UPON) else None


def _fingerprint(name: str) -> str:
    """Of the interpreter and all that is asked for, below too."""
    below = _upon(name)
    text = _fingerprint(below) if below else sys.version.partition(" ")[0] + sys.base_prefix
    parts = [text.encode(), *(path.read_bytes() for path in _files(name))]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _build(name: str, folder: Path) -> None:
    """A fresh environment; what only claims to need a newer Python is unpacked beside it."""
    below = _upon(name)
    beside = [Path(environment_python(below)).parents[1]] if below else []
    shutil.rmtree(folder, ignore_errors=True)
    _run(name, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    paths = [str(path / packages.relative_to(folder)) for path in beside]
    (packages / "upon.pth").write_text("".join(f"{path}\n" for path in paths))
    regular, *unpacked = _files(name)
    pip = [*_PIP, str(folder / "bin" / "python"), *_INSTALL]
    _run(name, [*pip, "-r", str(regular)])
    for path in unpacked:
        newer = ["--ignore-requires-python", "--python-version", "3.12", "--only-binary=:all:"]
        target = str(folder / "unpacked")
        _run(name, [*pip, "--no-deps", *newer, "--target", target, "-r", str(path)])
        (packages / "unpacked.pth").write_text(f"{target}\n")


def _run(name: str, command: list[str]) -> None:
    """A step of a build, tried again after a pause, for registries have bad moments."""
    for attempt in range(NUM_ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return
    said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
    raise NotBuiltError(f"{name}: its environment cannot be built: {said}")


def _timed(name: str) -> str:
    start = time.monotonic()
    try:
        folder = Path(environment_python(name)).parents[1]
    except NotBuiltError as error:
        return f"NOT CHECKED: {error}"
    size = sum(path.lstat().st_size for path in folder.rglob("*"))
    return f"{name}: {time.monotonic() - start:.0f} s, {size / 1e9:.2f} GB"


def main(names: list[str]) -> int:
    """Build two at a time, those first that wait for no other; 1 if one could not be built."""
    wanted = sorted(names or environment_names(), key=lambda name: (_upon(name) is not None, name))
    with ThreadPoolExecutor(max_workers=NUM_BUILDERS) as builders:
        for line in builders.map(_timed, wanted):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return int(bool(_failures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
