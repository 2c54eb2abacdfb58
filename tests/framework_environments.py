"""Environments of real frameworks, one each, built once and kept in a cache folder.

``PLACER_FRAMEWORKS`` names the folder (default ``~/.cache/placer-frameworks``). An environment whose
requirements have not changed is used as it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "frameworks" / "requirements"
VARIABLE = "PLACER_FRAMEWORKS"


def environment_python(name: str) -> str:
    """The interpreter of an environment, which is built if it is not there."""
    cache = Path(os.environ.get(VARIABLE, "~/.cache/placer-frameworks")).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, stamp = cache / name, cache / name / "requirements.sha256"
        if not stamp.exists() or stamp.read_text() != _fingerprint(name):
            _build(name, folder)
            stamp.write_text(_fingerprint(name))
    return str(folder / "bin" / "python")


def _files(name: str) -> list[Path]:
    files = [REQUIREMENTS / f"{name}.txt", REQUIREMENTS / f"{name}.unpacked.txt"]
    return [path for path in files if path.exists()]


def _fingerprint(name: str) -> str:
    text = sys.version.partition(" ")[0].encode()
    return hashlib.sha256(b"\n".join([text, *(p.read_bytes() for p in _files(name))])).hexdigest()


def _build(name: str, folder: Path) -> None:
    """A fresh environment; what only claims to need a newer Python is unpacked beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
    regular, *unpacked = _files(name)
    subprocess.run([*pip, "-r", regular], check=True)
    for path in unpacked:
        newer = ["--ignore-requires-python", "--python-version", "3.12", "--only-binary=:all:"]
        target = folder / "unpacked"
        subprocess.run([*pip, "--no-deps", *newer, "--target", target, "-r", path], check=True)
        packages = next((folder / "lib").glob("python*")) / "site-packages"
        (packages / "unpacked.pth").write_text(f"{target}\n")
