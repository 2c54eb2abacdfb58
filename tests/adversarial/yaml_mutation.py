"""Wounds for YAML that follow its structure: fields lost, doubled, retyped, moved, out of range."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any, Final

import yaml

RAW: Final = "RAW0WAR"
"""Stands for a scalar that is written into the text as it is."""

SCALARS: Final = (
    "0", "-1", "1", "3", "1.5", "-0.0", "1e308", "1e-308", "-1e18", "9" * 40, "9" * 41, "9" * 400, "010",
    "1_0", ".nan", "nan", "-.inf", "~", "true", "no", "''", '" "', '"a b"', "{}", "[]", "[[]]", "{a: 1}",
    "[1, 2]", "\u0661\u0662", "'\u202e'", "'\U0001f4a5'", '"\\ud800"', '"\\0"', "'$(reboot)'", "'a;b'", "-x",
    "'../..'", "x" * 70, "'{index}'", "'{pod.__class__}'", "'{0}'", "'{'", "n[1-3]", "'n[3-1]'",
    "'n[0-999999999]'", "1 hosts", "8 gpu", "0 gpus", "4096 hosts", "1048576 gpu", "2 leaf", "2 pods",
    "100 %", "-3 %", "400 Gbit/s", "400 GB/s", "400 Gb/s", "1 bit/s", "1e30 GB/s", "400", "-400 Gbit/s",
    "5 us", "5 years", "-5 us", "80 GB", "80 GiB", "80 Gbit", "700 W", "1 MW", "3 km", "989 TFLOP/s",
    "10 parsecs", "h100_sxm", "gb200", "b200", "mi300x", "adaptive", "hashed", "infiniband", "moe", "mla",
)  # fmt: skip

Path = tuple[Any, ...]
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def mutated_yaml(text: str, source: random.Random) -> str:
    """A document with one to three wounds, dumped again."""
    tree = yaml.load(text, Loader=LOADER)
    raws: list[str] = []
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        wound = source.choice(WOUNDS)
        wound(tree, source, raws)
    out = dumped(tree)
    for raw in raws:
        out = out.replace(RAW, raw, 1)
    if source.random() < 0.05:
        lines = out.splitlines(keepends=True)
        out = "".join([*lines, source.choice(lines)]) if lines else out
    return out


def dumped(tree: Any) -> str:
    """The text of a tree, in the order of its fields."""
    return str(yaml.dump(tree, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=1000))


def places(tree: Any, path: Path = ()) -> list[Path]:
    """Paths of all values below the root."""
    items = list(tree.items()) if isinstance(tree, dict) else []
    items += list(enumerate(tree)) if isinstance(tree, list) else []
    return [p for key, value in items for p in ((*path, key), *places(value, (*path, key)))]


def parent(tree: Any, path: Path) -> Any:
    """The container of a value."""
    for part in path[:-1]:
        tree = tree[part]
    return tree


def _some(tree: Any, source: random.Random) -> Path | None:
    found = places(tree)
    return source.choice(found) if found else None


def _lost(tree: Any, source: random.Random, raws: list[str]) -> None:
    path = _some(tree, source)
    if path is not None:
        del parent(tree, path)[path[-1]]


def _retyped(tree: Any, source: random.Random, raws: list[str]) -> None:
    path = _some(tree, source)
    if path is not None and RAW not in dumped(tree):
        parent(tree, path)[path[-1]] = RAW
        raws.append(source.choice(SCALARS))


def _swapped(tree: Any, source: random.Random, raws: list[str]) -> None:
    one, other = _some(tree, source), _some(tree, source)
    if one is None or other is None:
        return
    a, b = parent(tree, one), parent(tree, other)
    a_value, b_value = copy.deepcopy(a[one[-1]]), copy.deepcopy(b[other[-1]])
    a[one[-1]], b[other[-1]] = b_value, a_value


def _doubled(tree: Any, source: random.Random, raws: list[str]) -> None:
    path = _some(tree, source)
    if path is None:
        return
    inside = parent(tree, path)
    if isinstance(inside, list):
        inside += [copy.deepcopy(inside[path[-1]]) for _ in range(source.choice((1, 1, 7)))]
    else:
        inside[f"{path[-1]}{source.choice(('s', '_', ' ', '2'))}"] = copy.deepcopy(inside[path[-1]])


def _scaled(tree: Any, source: random.Random, raws: list[str]) -> None:
    numbers = [p for p in places(tree) if type(parent(tree, p)[p[-1]]) in {int, float}]
    if numbers:
        path = source.choice(numbers)
        factor = source.choice((0, -1, 2, 3, 0.5, 1000, 1e12, 1e-12))
        parent(tree, path)[path[-1]] *= factor


def _reunited(tree: Any, source: random.Random, raws: list[str]) -> None:
    """A number with a unit keeps its number or its unit."""
    texts = [p for p in places(tree) if _is_quantity(parent(tree, p)[p[-1]])]
    if texts:
        path, other = source.choice(texts), source.choice(texts)
        number = str(parent(tree, path)[path[-1]]).split()[0]
        unit = str(parent(tree, other)[other[-1]]).partition(" ")[2]
        parent(tree, path)[path[-1]] = f"{number} {unit}"


def _is_quantity(value: object) -> bool:
    return isinstance(value, str) and value[:1].isdigit() and " " in value and len(value) < 30


def _moved(tree: Any, source: random.Random, raws: list[str]) -> None:
    """A field moves into another mapping."""
    path, target = _some(tree, source), _some(tree, source)
    if path is None or target is None:
        return
    there = parent(tree, target)[target[-1]]
    if isinstance(there, dict) and path[: len(target)] != target and target[: len(path)] != path:
        there[path[-1]] = parent(tree, path).pop(path[-1])


WOUNDS: Final[tuple[Callable[[Any, random.Random, list[str]], None], ...]] = (
    _lost, _retyped, _retyped, _retyped, _swapped, _doubled, _scaled, _scaled, _reunited, _moved,
)  # fmt: skip
