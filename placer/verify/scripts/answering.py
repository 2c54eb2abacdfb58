"""What every check script shares: requests in, answers out, and a world of fake processes.

A script gets a file of requests and writes a file of answers, one for each; frameworks print too
much for standard output to be of use. A request has ``folder`` (what was emitted), ``release``,
``environment``, ``experts`` (whether the model has some), ``strategy`` (the plan's degrees), ``world``
(number of ranks) and ``sample`` (ranks to start for real). An answer has ``refused`` (why the
framework's own parser or checks said no, or null), ``groups`` (axis -> all groups), ``sampled``
(rank -> axis -> its group) and ``absent`` (axes it has no group of its own for).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Groups = dict[str, list[list[int]]]


class RefusedError(Exception):
    """The framework says no to what was emitted."""


def answer_all(check: Callable[[Request], dict[str, Any]]) -> None:
    """Answer every request of the file named first into the file named second."""
    requests = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers = [_answer(check, request) for request in requests]
    Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")


def _answer(check: Callable[[Request], dict[str, Any]], request: Request) -> dict[str, Any]:
    before = dict(os.environ)
    os.environ.update(request["environment"])
    try:
        return {"refused": None, "broken": None, **check(request)}
    except RefusedError as error:
        return {"refused": str(error), "broken": None}
    except Exception:  # noqa: BLE001 (a framework may raise anything; the answer carries it)
        return {"refused": None, "broken": traceback.format_exc()[-2000:]}
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def judging() -> Iterator[None]:
    """Whatever the framework raises in here, or how it exits, is its verdict."""
    try:
        yield
    except SystemExit as error:
        raise RefusedError(f"exit status {error.code}") from error
    except Exception as error:
        text = " ".join(str(error).split())[:500]
        raise RefusedError(f"{type(error).__name__}: {text}") from error


def bash_array(folder: str, name: str, array: str) -> list[str]:
    """The words of an array in an emitted bash file."""
    script = f'source "$1"; printf "%s\\0" "${{{array}[@]}}"'
    done = subprocess.run(  # noqa: S603 (the file is the one under test)
        ["bash", "-c", script, "bash", str(Path(folder) / name)],  # noqa: S607 (bash of the PATH)
        env=dict(os.environ) | {"HERE": folder},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.rstrip("\0").split("\0")


@contextmanager
def fake_world(rank: int, world: int) -> Iterator[None]:
    """One process of many, without the others (torch's fake process group)."""
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", rank=rank, world_size=world, store=FakeStore())
    try:
        yield
    finally:
        dist.destroy_process_group()


def groups_of_mesh(mesh: Any, names: list[str], axes: list[str]) -> list[list[int]]:
    """All groups along some axes of an array of ranks with named axes."""
    import numpy as np

    array = np.asarray(mesh)
    along = [names.index(axis) for axis in axes if axis in names]
    if not along:
        return [[rank] for rank in sorted(array.ravel().tolist())]
    rest = [index for index in range(array.ndim) if index not in along]
    size = int(np.prod([array.shape[index] for index in along]))
    groups: list[list[int]] = array.transpose([*rest, *along]).reshape(-1, size).tolist()
    return groups
