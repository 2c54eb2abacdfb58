"""Quantities in and out: ``"400 Gbit/s"`` to 5e10 bytes per second, and back for people.

Inside placer every quantity is a float in SI units (bytes, seconds, FLOP/s, watts, metres, joules).
A file must write the unit: bits and bytes are told apart by the letter's case, GB (1e9) and GiB
(2^30) are both exact, and a bare number is an error, because nobody can tell which was meant.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from placer.errors import shorten


class Dimension(StrEnum):
    """What a quantity measures; the value is the word used in messages."""

    BANDWIDTH = "bandwidth"
    TIME = "time"
    SIZE = "size"
    FLOPS = "compute rate"
    POWER = "power"
    LENGTH = "length"
    ENERGY = "energy"
    COUNT = "count"


class QuantityError(ValueError):
    """A quantity that cannot be read: what was expected, what was found, what to do."""

    def __init__(self, expected: str, found: str, remedy: str) -> None:
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(f"expected {expected}, got {found}. {remedy}")


Scales = dict[str, Decimal]

_DECIMAL: Final = {letter: Decimal(1000) ** n for n, letter in enumerate("kMGTPE", start=1)}
_BINARY: Final = {f"{letter}i": Decimal(1024) ** n for n, letter in enumerate("KMGTPE", start=1)}
_SMALL: Final = {letter: Decimal(1000) ** -n for n, letter in enumerate("munp", start=1)}


def _scaled(base: str, prefixes: Scales, unit: Decimal | int = 1) -> Scales:
    """Map ``base`` with and without each prefix to its SI value."""
    return {base: Decimal(unit)} | {prefix + base: unit * prefixes[prefix] for prefix in prefixes}


# Units a person may write, by dimension, with their SI value; exact, so "1.5 us" is 1.5e-6.
_UNITS: Final = MappingProxyType(
    {
        Dimension.BANDWIDTH: _scaled("B/s", _DECIMAL | _BINARY)
        | _scaled("Bps", _DECIMAL | _BINARY)
        | _scaled("bit/s", _DECIMAL, Decimal(1) / 8)
        | _scaled("b/s", _DECIMAL, Decimal(1) / 8)
        | _scaled("bps", _DECIMAL, Decimal(1) / 8),
        Dimension.TIME: _scaled("s", _SMALL | {"\N{MICRO SIGN}": _SMALL["u"]})
        | {"min": Decimal(60), "h": Decimal(3600), "day": Decimal(86400)},
        Dimension.SIZE: _scaled("B", _DECIMAL | _BINARY),
        Dimension.FLOPS: _scaled("FLOP/s", _DECIMAL) | _scaled("FLOPS", _DECIMAL),
        Dimension.POWER: _scaled("W", _DECIMAL | {"m": _SMALL["m"]}),
        Dimension.LENGTH: _scaled("m", _SMALL | {"c": Decimal("0.01"), "k": _DECIMAL["k"]}),
        Dimension.ENERGY: _scaled("J", _DECIMAL | _SMALL) | _scaled("Wh", _DECIMAL, 3600),
        Dimension.COUNT: _scaled("", _DECIMAL | _BINARY) | {"K": _DECIMAL["k"], "B": _DECIMAL["G"]},
    }
)
_EXAMPLES: Final = MappingProxyType(
    {
        Dimension.BANDWIDTH: "400 Gbit/s or 50 GB/s",
        Dimension.TIME: "1.5 us or 3 ms",
        Dimension.SIZE: "80 GiB or 80 GB",
        Dimension.FLOPS: "989 TFLOP/s",
        Dimension.POWER: "700 W or 10.2 kW",
        Dimension.LENGTH: "30 m or 85 km",
        Dimension.ENERGY: "20 pJ or 5 kWh",
        Dimension.COUNT: "2048 or 16M",
    }
)
# Units for writing, preferred first, the SI unit last.
_WRITTEN: Final = MappingProxyType(
    {
        Dimension.BANDWIDTH: ("TB/s", "GB/s", "MB/s", "kB/s", "B/s"),
        Dimension.TIME: ("s", "ms", "us", "ns", "s"),
        Dimension.SIZE: ("TiB", "GiB", "GB", "MiB", "MB", "B"),
        Dimension.FLOPS: ("PFLOP/s", "TFLOP/s", "GFLOP/s", "FLOP/s"),
        Dimension.POWER: ("MW", "kW", "W"),
        Dimension.LENGTH: ("km", "m"),
        Dimension.ENERGY: ("MWh", "kWh", "J", "pJ", "J"),
        Dimension.COUNT: ("",),
    }
)
_QUANTITY: Final = re.compile(
    r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(.*)", re.DOTALL
)
_NOUN: Final = re.compile(r"\s*\b(tokens|sequences|samples|GPUs)$")
_MAX_CHARS: Final = 60


def parse_quantity(text: object, kind: Dimension) -> float:
    """Read a quantity with its unit into SI; 0 and counts need no unit.

    Parameters
    ----------
    text
        ``"400 Gbit/s"``, ``"80 GiB"``, ``"16M tokens"``, ``0``.
    kind
        The dimension it must have.

    Returns
    -------
    float
        Bytes per second, seconds, bytes, FLOP/s, watts, metres, joules or a plain count; >= 0.

    Raises
    ------
    QuantityError
        For a bare number, an unknown or wrong unit, a negative, NaN or infinite value.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _parse_bare(text, kind)
    if not isinstance(text, str):
        raise QuantityError(_wanted(kind), _shown(text), _example(kind))
    match = _QUANTITY.fullmatch(text.strip()) if len(text) <= _MAX_CHARS else None
    if match is None:
        raise QuantityError(_wanted(kind), _shown(text), _example(kind))
    number, unit = Decimal(match[1]), match[2]
    if kind is Dimension.COUNT:
        unit = _NOUN.sub("", unit)
    elif not unit:
        return _parse_bare(float(number), kind)
    if unit not in _UNITS[kind]:
        raise QuantityError(_wanted(kind), _shown(text), _unit_remedy(unit, kind))
    return _checked(number * _UNITS[kind][unit], text, kind)


def _parse_bare(number: float, kind: Dimension) -> float:
    """Accept a number without unit where the dimension has none, or where it is 0."""
    if number != 0 and kind is not Dimension.COUNT:
        remedy = f"A bare number has no unit. {_example(kind)}"
        raise QuantityError(f"a {kind} with its unit", _shown(number), remedy)
    return _checked(number, number, kind)


def _checked(value: float | Decimal, text: object, kind: Dimension) -> float:
    """Refuse what is not a finite number >= 0."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise QuantityError(f"a finite {kind}", _shown(text), _example(kind))
    if number < 0:
        raise QuantityError(f"a {kind} >= 0", _shown(text), _example(kind))
    return number


def _wanted(kind: Dimension) -> str:
    return f"a {kind}" if kind is Dimension.COUNT else f"a {kind} with its unit"


def _example(kind: Dimension) -> str:
    return f"Write for example {_EXAMPLES[kind]}."


def _shown(value: object) -> str:
    """Quote what was found, cut to a line's length."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    return shorten(repr(value))


def _unit_remedy(unit: str, kind: Dimension) -> str:
    """Say what is wrong with a unit: its case, its dimension, or that nobody knows it."""
    others = sorted(d for d in Dimension if d is not Dimension.COUNT and unit in _UNITS[d])
    if others:
        return f"{unit!r} is a unit of {' or '.join(others)}. {_example(kind)}"
    alike = [known for known in _UNITS[kind] if known.lower() == unit.lower()]
    if len(alike) > 1 and kind is Dimension.BANDWIDTH:
        return f"Case matters, b is bit and B is byte: write {' or '.join(alike)}."
    if alike:
        return f"Case matters: write {' or '.join(alike)}."
    if kind is Dimension.SIZE and unit.lower().endswith(("bit", "bits")):
        return f"A size is in bytes, not bits. {_example(kind)}"
    return f"Unknown unit {_shown(unit)}. {_example(kind)}"


def write_quantity(value: float, kind: Dimension) -> str:
    """Write an SI value so that ``parse_quantity`` reads the same float back, as people would."""
    if value == 0:
        return f"0 {_WRITTEN[kind][-1]}".rstrip()
    for unit in _WRITTEN[kind]:
        scale = float(_UNITS[kind][unit])
        text = f"{value / scale:.12g} {unit}".rstrip()
        if value >= scale and parse_quantity(text, kind) == value:
            return text
    return f"{value!r} {_WRITTEN[kind][-1]}".rstrip()


def _annotation(kind: Dimension) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    """Say to pydantic: read text with a unit, keep SI, write text with a unit to JSON."""
    return (
        BeforeValidator(lambda text: parse_quantity(text, kind)),
        PlainSerializer(
            lambda value: write_quantity(value, kind), return_type=str, when_used="json"
        ),
        WithJsonSchema(
            {"type": "string", "description": f"A {kind} with its unit: {_EXAMPLES[kind]}."}
        ),
    )


Bandwidth = Annotated[float, *_annotation(Dimension.BANDWIDTH)]
Duration = Annotated[float, *_annotation(Dimension.TIME)]
Size = Annotated[float, *_annotation(Dimension.SIZE)]
ComputeRate = Annotated[float, *_annotation(Dimension.FLOPS)]
Power = Annotated[float, *_annotation(Dimension.POWER)]
Length = Annotated[float, *_annotation(Dimension.LENGTH)]
Energy = Annotated[float, *_annotation(Dimension.ENERGY)]


def _shown_as(value: float, kind: Dimension, units: tuple[str, ...], *, trim: bool = True) -> str:
    """Write three significant digits in the largest of ``units`` (largest first) that fits.

    ``trim`` drops zeros after the decimal point that say nothing: 25 GB/s, not 25.0 GB/s.
    """
    separator = "" if kind is Dimension.COUNT else " "
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}{separator}{_WRITTEN[kind][-1]}"
    rounded = abs(float(f"{value:.2e}"))
    fitting = [unit for unit in units if rounded >= float(_UNITS[kind][unit])]
    unit = fitting[0] if fitting else units[-1]
    number = value / float(_UNITS[kind][unit])
    magnitude = math.floor(math.log10(float(f"{abs(number):.2e}")))
    text = f"{number:.{max(0, 2 - magnitude)}f}"
    if trim and "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text}{separator}{unit}"


def format_time(value_s: float) -> str:
    """Write seconds: ``1.23 s``, ``45.1 ms``, ``820 us``."""
    return _shown_as(value_s, Dimension.TIME, ("s", "ms", "us", "ns"), trim=False)


def format_size(value_bytes: float) -> str:
    """Write bytes in binary units, as memory is sold: ``76.4 GiB``."""
    return _shown_as(value_bytes, Dimension.SIZE, ("PiB", "TiB", "GiB", "MiB", "KiB", "B"))


def format_bandwidth(value_bytes_per_s: float) -> str:
    """Write a bandwidth in bytes, as scale-up links are quoted: ``450 GB/s``."""
    units = ("PB/s", "TB/s", "GB/s", "MB/s", "kB/s", "B/s")
    return _shown_as(value_bytes_per_s, Dimension.BANDWIDTH, units)


def format_bit_rate(value_bytes_per_s: float) -> str:
    """Write a bandwidth in bits, as networks are quoted: ``400 Gbit/s``."""
    units = ("Tbit/s", "Gbit/s", "Mbit/s", "kbit/s", "bit/s")
    return _shown_as(value_bytes_per_s, Dimension.BANDWIDTH, units)


def format_flops(value_flops: float) -> str:
    """Write a compute rate: ``989 TFLOP/s``."""
    units = ("EFLOP/s", "PFLOP/s", "TFLOP/s", "GFLOP/s", "MFLOP/s", "kFLOP/s", "FLOP/s")
    return _shown_as(value_flops, Dimension.FLOPS, units)


def format_power(value_w: float) -> str:
    """Write a power: ``10.2 kW``."""
    return _shown_as(value_w, Dimension.POWER, ("GW", "MW", "kW", "W"))


def format_count(value: float) -> str:
    """Write a count: ``512`` and ``8192`` in full, then ``16.8M``, ``405B``, ``15.6T``."""
    if float(value).is_integer() and abs(value) < 10_000:
        return f"{value:.0f}"
    return _shown_as(value, Dimension.COUNT, ("T", "B", "M", "k", ""))


def format_percent(fraction: float) -> str:
    """Write a fraction: 0.413 is ``41.3 %``."""
    return f"{100 * fraction:.1f} %"
