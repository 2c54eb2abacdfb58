from __future__ import annotations

import math
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from placer.units import (
    Bandwidth,
    Dimension,
    QuantityError,
    Size,
    format_bandwidth,
    format_bit_rate,
    format_count,
    format_flops,
    format_percent,
    format_power,
    format_size,
    format_time,
    parse_quantity,
    write_quantity,
)

BANDWIDTH, TIME, SIZE, COUNT = (
    Dimension.BANDWIDTH,
    Dimension.TIME,
    Dimension.SIZE,
    Dimension.COUNT,
)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("400 Gbit/s", BANDWIDTH, 5e10),
        ("400 Gb/s", BANDWIDTH, 5e10),
        ("400Gbps", BANDWIDTH, 5e10),
        ("0.4 Tbit/s", BANDWIDTH, 5e10),
        ("50 GB/s", BANDWIDTH, 5e10),
        ("50 GBps", BANDWIDTH, 5e10),
        ("1 GiB/s", BANDWIDTH, 2**30),
        ("1.5 us", TIME, 1.5e-6),
        ("1.5 µs", TIME, 1.5e-6),
        ("3 ms", TIME, 3e-3),
        ("2 h", TIME, 7200),
        ("80 GiB", SIZE, 80 * 2**30),
        ("80 GB", SIZE, 8e10),
        ("80GB", SIZE, 8e10),
        ("  80   GB ", SIZE, 8e10),
        ("989 TFLOP/s", Dimension.FLOPS, 9.89e14),
        ("989 TFLOPS", Dimension.FLOPS, 9.89e14),
        ("10.2 kW", Dimension.POWER, 10200),
        ("85 km", Dimension.LENGTH, 85000),
        ("5 kWh", Dimension.ENERGY, 1.8e7),
        ("20 pJ", Dimension.ENERGY, 2e-11),
        ("16M", COUNT, 16e6),
        ("16M tokens", COUNT, 16e6),
        ("16Mi", COUNT, 16 * 2**20),
        ("4_096 sequences", COUNT, 4096),
        ("2048", COUNT, 2048),
        (2048, COUNT, 2048),
        ("1.5e3 B", SIZE, 1500),
        (0, BANDWIDTH, 0),  # zero is zero in any unit
        ("0", TIME, 0),
    ],
)
def test_parses(text: object, kind: Dimension, value: float) -> None:
    assert parse_quantity(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (400, BANDWIDTH, "no unit"),  # bits or bytes, giga or not: nobody knows
        ("400", BANDWIDTH, "no unit"),
        (80.0, SIZE, "no unit"),
        ("400 gb/s", BANDWIDTH, "b is bit and B is byte"),  # the letter decides a factor of eight
        ("400 gbit/s", BANDWIDTH, "Gbit/s"),  # case is meaning, not style
        ("50 GB", BANDWIDTH, "unit of size"),  # forgot the per second
        ("50 GB/s", SIZE, "unit of bandwidth"),
        ("80 Gbit", SIZE, "bytes, not bits"),
        ("80 gib", SIZE, "GiB"),
        ("80 G", SIZE, "Unknown unit 'G'"),  # GB or GiB
        ("3 parsecs", Dimension.LENGTH, "Unknown unit"),
        ("3 ms", Dimension.POWER, "unit of time"),
        ("-50 GB/s", BANDWIDTH, ">= 0"),
        (-1, COUNT, ">= 0"),
        ("nan s", TIME, "expected a time"),
        ("inf s", TIME, "expected a time"),
        (math.nan, COUNT, "finite"),
        (math.inf, COUNT, "finite"),
        ("1e400 s", TIME, "finite"),
        pytest.param(10**5000, COUNT, "of 16610 bits", id="too long to print"),
        (True, COUNT, "expected a count"),  # YAML's yes
        (None, SIZE, "got None"),
        ([1], SIZE, "got [1]"),
        ("", SIZE, "got ''"),
        ("GB", SIZE, "got 'GB'"),
        ("1 GB 2 GB", SIZE, "Unknown unit"),
        pytest.param("x" * 10_000, SIZE, "xxx...", id="not echoed whole"),
        pytest.param("1" * 10_000 + " GB", SIZE, "111...", id="not computed"),
    ],
)
def test_refuses(text: object, kind: Dimension, words: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, kind)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.remedy


@given(kind=st.sampled_from(Dimension), value=st.floats(0, 1e30, allow_subnormal=False))
def test_what_is_written_reads_back_exactly(kind: Dimension, value: float) -> None:
    assert parse_quantity(write_quantity(value, kind), kind) == value


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (5e10, BANDWIDTH, "50 GB/s"),
        (8e10, SIZE, "80 GB"),
        (80 * 2**30, SIZE, "80 GiB"),
        (1.5e-6, TIME, "1.5 us"),
        (0, TIME, "0 s"),
        (2048, COUNT, "2048"),
        (9.89e14, Dimension.FLOPS, "989 TFLOP/s"),
    ],
)
def test_writes_as_people_would(value: float, kind: Dimension, text: str) -> None:
    assert write_quantity(value, kind) == text


@given(
    number=st.decimals(0, 10**6, places=3, allow_nan=False, allow_infinity=False),
    prefix=st.sampled_from(["", "k", "M", "G", "T"]),
)
def test_a_byte_is_eight_bits(number: object, prefix: str) -> None:
    as_bits = parse_quantity(f"{number} {prefix}bit/s", BANDWIDTH)
    as_bytes = parse_quantity(f"{number} {prefix}B/s", BANDWIDTH)
    assert as_bits * 8 == pytest.approx(as_bytes, rel=1e-15)


class Link(BaseModel):
    bandwidth: Annotated[Bandwidth, Field(gt=0)]
    buffer: Size = 0.0


def test_fields_read_text_and_keep_si() -> None:
    link = Link.model_validate({"bandwidth": "400 Gbit/s", "buffer": "80 GiB"})
    assert link.bandwidth == 5e10
    assert Link.model_validate_json(link.model_dump_json()) == link
    assert link.model_dump_json() == '{"bandwidth":"50 GB/s","buffer":"80 GiB"}'


def test_fields_keep_their_own_limits() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Link.model_validate({"bandwidth": "0 GB/s"})


def test_schema_of_a_field_says_how_to_write_it() -> None:
    schema = Link.model_json_schema()["properties"]["bandwidth"]
    assert schema["type"] == "string"
    assert "400 Gbit/s" in schema["description"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_time(1.23), "1.23 s"),
        (format_time(0.0451), "45.1 ms"),
        (format_time(0.99999), "1.00 s"),  # not 1000 ms
        (format_time(82e-6), "82.0 us"),
        (format_time(1234.5), "1234 s"),
        (format_time(-0.0123), "-12.3 ms"),
        (format_time(0), "0 s"),
        (format_time(math.inf), "inf s"),
        (format_size(76.4 * 2**30), "76.4 GiB"),
        (format_size(80 * 2**30), "80 GiB"),
        (format_bandwidth(450e9), "450 GB/s"),
        (format_bandwidth(25e9), "25 GB/s"),
        (format_bit_rate(5e10), "400 Gbit/s"),
        (format_count(16_777_216), "16.8M"),
        (format_count(8192), "8192"),
        (format_count(16_384), "16.4k"),
        (format_count(405e9), "405B"),
        (format_flops(989.4e12), "989 TFLOP/s"),
        (format_power(10_200), "10.2 kW"),
        (format_percent(0.4134), "41.3 %"),
    ],
)
def test_formats_for_people(text: str, expected: str) -> None:
    assert text == expected


@given(st.floats(1e-9, 1e6))
def test_formatted_times_are_within_half_a_percent(value_s: float) -> None:
    assert parse_quantity(format_time(value_s), TIME) == pytest.approx(value_s, rel=5e-3)
