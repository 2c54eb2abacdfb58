from __future__ import annotations

import json
import os
import random
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from placer.errors import InputError, Problem
from placer.spec.cluster import ClusterSpec
from placer.spec.nodes import MAX_DEPTH, MAX_NODES
from placer.spec.source_text import MAX_BYTES
from placer.spec.yaml_source import load_document, load_mapping
from placer.units import Bandwidth


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bandwidth: Annotated[Bandwidth, Field(gt=0)] = 1.0
    planes: int = Field(default=1, ge=1)


class Round(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["round"]
    radius: float


class Square(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["square"]
    side: float


class Thing(BaseModel):
    """Has one field of each sort that specs use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=20)] = "thing"
    count: int = 1
    ratio: float = 1.0
    flag: bool = False
    color: Color = Color.RED
    levels: tuple[Level, ...] = ()
    by_name: dict[str, Level] = {}
    shape: Annotated[Round | Square, Field(discriminator="kind")] | None = None
    either: int | Level = 0

    @field_validator("count")
    @classmethod
    def _is_even_or_one(cls, count: int) -> int:
        if count % 2 and count != 1:
            raise ValueError(f"expected an even number, found {count}: {count} % 2 = 1. Add one")
        return count

    @model_validator(mode="after")
    def _ratio_is_one_for_blue(self) -> Thing:
        if self.color is Color.BLUE and self.ratio != 1:
            raise ValueError(f"levels[0].planes: expected 1, found {self.ratio}")
        return self


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "x.yaml"


def problems_of(path: Path, content: str | bytes) -> tuple[Problem, ...]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        load_document(path, Thing)
    return caught.value.problems


def test_reads_a_document(write: Path) -> None:
    write.write_text(
        "# a comment\nname: x\ncount: 1_000\nratio: 1e3\nflag: true\ncolor: red\n"
        "levels:\n  - name: leaf\n    bandwidth: 400 Gbit/s\n  - {name: core}\n"
        "by_name: {a: {name: b}}\nshape: {kind: round, radius: 2}\n"
    )
    thing = load_document(write, Thing)
    assert (thing.name, thing.count, thing.ratio, thing.flag) == ("x", 1000, 1000.0, True)
    assert thing.levels[0].bandwidth == 5e10
    assert isinstance(thing.shape, Round)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cuont: 2", "1:1: cuont: expected a known field, got 'cuont'. Did you mean count?"),
        ("count: 1.5", "1:8: count: expected an integer, got 1.5"),
        ("count: few", "1:8: count: expected an integer, got 'few'"),
        ("name: 5", "1:7: name: expected text, got 5"),
        ("name: xxxxxxxxxxxxxxxxxxxxx", "1:7: name: expected at most 20 characters"),
        ("flag: 7", "1:7: flag: expected true or false, got 7"),
        ("color: rde", "1:8: color: expected one of red, blue, got 'rde'"),
        ("color: {a: 1}", "1:8: color: expected one of red, blue, got a mapping"),
        ("levels: 3", "1:9: levels: expected a list, got 3"),
        ("levels: [3]", "1:10: levels[0]: expected fields and values (a mapping), got 3"),
        ("levels:\n- {}", "2:3: levels[0].name: expected a value, got nothing. Add name."),
        (
            "levels:\n- name: a\n- name: b\n  bandwidth: 400",
            "4:14: levels[1].bandwidth: expected a bandwidth with its unit, got 400. A bare number",
        ),
        (  # what is shown is what the file says, not its SI value
            "levels: [{name: a, bandwidth: 0 GB/s}]",
            "1:31: levels[0].bandwidth: expected > 0, got '0 GB/s'",
        ),
        (
            "by_name: {x: {name: a, plane: 1}}",
            "1:24: by_name.x.plane: expected a known field, got 'plane'. Did you mean planes?",
        ),
        (
            "shape: {kind: round, raidus: 1, radius: 2}",
            "1:22: shape.raidus: expected a known field, got 'raidus'. Did you mean radius?",
        ),
        ("shape: {kind: oval}", "1:8: shape: "),
        ("count: 3", "1:8: count: expected an even number, got 3: 3 % 2 = 1. Add one."),
        (  # a validator may point below its own field
            "levels: [{name: a, planes: 2}]\nratio: 2\ncolor: blue",
            "1:28: levels[0].planes: expected 1, got 2.0",
        ),
        ("count: .nan", "1:8: count: expected a finite number, got .nan"),
        ("ratio: -.inf", "1:8: ratio: expected a finite number, got -.inf"),
        ("ratio: nan", "1:8: ratio: expected a finite number, got nan"),  # Python would read it
        ("ratio: 'Infinity'", "1:8: ratio: expected a finite number, got Infinity"),
        ("ratio: 1e999", "1:8: ratio: expected a finite number, got 1e999"),
        (
            "count: " + "9" * 41,
            "1:8: count: expected a number of at most 40 characters, got one of 41",
        ),
        ("count: 2\nname: a\ncount: 4", "3:1: count: expected each field once, got a second one"),
        ("levels: [{name: a, name: b}]", "1:20: levels[0].name: expected each field once"),
        ("a: b: c", "1:5: expected valid YAML, got mapping values are not allowed"),
        ("name: a\n\tcount: 2", "expected valid YAML"),  # a tab
        ("name: [1, 2", "expected valid YAML"),
        ("- 1", "1:1: expected fields and values (a mapping), got a list"),
        ("just text", "1:1: expected fields and values (a mapping), got a single value"),
        ("", "expected fields and values, got an empty file"),
        ("# nothing\n", "expected fields and values, got an empty file"),
        ("name: a\n---\nname: b", "2:1: expected one document, got a second one"),
        ("name: !!python/object/apply:os.system [id]", "1:7: expected plain values, got the tag"),
        ("name: !mine a", "1:7: expected plain values, got the tag !mine"),
        ("name: *gone", "1:7: name: expected an anchor &gone before the alias, got none"),
        ("levels: &a [*a]", "1:13: levels[0]: expected an anchor &a before the alias, got none"),
        ("? [1, 2]\n: 3", "1:3: expected a name before the colon, got a sequence"),
        ("<<: {name: a}", "1:1: <<: expected a known field"),  # merging is not understood
        (b"name: \xe9", "1: expected text in UTF-8, got byte 0xe9 at offset 6"),
        (b"name: a\nflag: \0", "2: expected text, got control character U+0000"),
        (b"\x1f\x8b\x08\x00", "1: expected text in UTF-8, got byte 0x8b"),  # gzip
    ],
)
def test_says_what_is_wrong_and_where(write: Path, content: str | bytes, message: str) -> None:
    (problem,) = problems_of(write, content)
    assert message in str(problem)
    assert str(problem).startswith(f"{write}:")


def test_reports_everything_at_once_in_file_order(write: Path) -> None:
    found = problems_of(
        write, "count: 1.5\ncount: 2\nlevel: []\nratio: .inf\nlevels:\n- {planes: 0}\n"
    )
    assert [(p.line, p.field) for p in found] == [
        (1, "count"),
        (2, "count"),
        (3, "level"),
        (4, "ratio"),
        (6, "levels[0].name"),
        (6, "levels[0].planes"),
    ]


def test_a_union_is_no_part_of_the_path(write: Path) -> None:
    found = problems_of(write, "either: {nam: 1}")
    assert [p.field for p in found] == ["either", "either.name", "either.nam"]


def test_a_file_wrong_throughout_is_summed_up(write: Path) -> None:
    found = problems_of(write, "".join(f"key{i}: 1\n" for i in range(30_000)))
    assert len(found) < 50
    assert "30000 problems" in found[0].found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),  # ten, not eight
        ("1e9", 1e9),  # a number, not text
        ("-.5", -0.5),
        ("~", None),
        ("", None),
        ("no", "no"),  # Norway
        ("on", "on"),
        ("12:30", "12:30"),  # not base sixty
        ("2024-01-01", "2024-01-01"),  # not a date
        ("0x10", "0x10"),
        ("'1'", "1"),
        ("400 Gbit/s", "400 Gbit/s"),
        ("True", True),
    ],
)
def test_plain_values_are_those_of_yaml_1_2(write: Path, text: str, value: object) -> None:
    write.write_text(f"key: {text}\n")
    assert load_mapping(write).data == {"key": value}


def test_aliases_repeat_what_they_name(write: Path) -> None:
    write.write_text("a: &x {b: [1, 2]}\nc: *x\n")
    mapping = load_mapping(write)
    assert mapping.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert mapping.locate(("c", "b", 1)) == (1, 15)


def test_locates_values_names_and_what_is_missing(write: Path) -> None:
    write.write_text("a:\n  b:\n    - 1\n    - c: 2\n")
    mapping = load_mapping(write)
    assert mapping.locate(("a", "b", 1, "c")) == (4, 10)
    assert mapping.locate_key(("a", "b", 1, "c")) == (4, 7)
    assert mapping.locate(("a", "b", 1, "missing")) == (4, 7)
    assert mapping.locate(()) == (1, 1)


BOMBS = {
    "brackets": "[" * MAX_BYTES,
    "braces": "{a: " * (MAX_BYTES // 4),
    "dashes": "- " * (MAX_BYTES // 2),
    "questions": "? " * (MAX_BYTES // 2),
    "indents": "".join(" " * i + "a:\n" for i in range(1300)),
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n"
        for a, b in zip("abcdefg", "bcdefgh", strict=True)
    ),
    "aliases": "[&a 1" + ",*a" * 300_000 + "]",
    "keys": "".join(f"k{i}: 1\n" for i in range(90_000)),
    "repeats": "a: 1\n" * 150_000,
    "digits": "count: " + "9" * 1_000_000,
    "quotes": '"' * MAX_BYTES,
    "anchors": "&a " * 300_000,
    "tags": "a: " + "!" * 1_000_000,
    "noise": "".join(random.Random(1).choices("abc:-?[]{}&*!|>%@ \n\"'", k=MAX_BYTES)),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_bombs_are_refused_quickly(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"bomb{suffix}"
    started = time.process_time()
    found = problems_of(path, BOMBS[name])
    assert time.process_time() - started < 5
    assert len("\n".join(map(str, found))) < 20_000


def test_limits_allow_what_they_should(write: Path) -> None:
    depth = MAX_DEPTH - 1
    write.write_text("a: " + "[" * depth + "]" * depth)
    load_mapping(write)
    write.write_text("a: [" + "1," * (MAX_NODES - 3) + "]")
    load_mapping(write)
    write.write_text("a: [" + "1," * (MAX_NODES - 2) + "]")
    with pytest.raises(InputError, match="at most 100000 values"):
        load_mapping(write)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo/config.json").write_text("{}")
    (tmp_path / "big.yaml").write_bytes(os.urandom(10 * MAX_BYTES))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for name, words in {
        "folder": "got a directory. Give a file inside it.",
        "repo": f"Give {tmp_path}/repo/config.json.",
        "big.yaml": "expected a file of at most 1 MiB, got 10 MiB",
        "loop": "expected a readable file",
        "pipe": "expected a regular file",
        "missing.yaml": "got nothing at this path",
        "big.yaml/x": "got nothing at this path",
        "x" * 5000: "expected a readable file",
        "a\0b": "expected a readable file",
    }.items():
        with pytest.raises(InputError) as caught:
            load_mapping(tmp_path / name)
        assert words in str(caught.value), name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read(write: Path) -> None:
    write.touch(mode=0o000)
    with pytest.raises(InputError, match="may not read"):
        load_mapping(write)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=12,
)


@given(
    data=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    indent=st.none() | st.integers(0, 3),
)
def test_json_reads_as_python_reads_it(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object], indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "x.json"
    path.write_text(json.dumps(data, indent=indent))
    assert load_mapping(path).data == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b" 2}', "2:6: expected valid JSON, got Expecting ':' delimiter"),
        ('{"a": NaN}', "1:7: a: expected a finite number, got NaN"),
        ('{"a": [1, -Infinity]}', "1:11: a[1]: expected a finite number, got -Infinity"),
        ('{"a": 1, "a": 2}', "1:10: a: expected each field once"),
        ('{"a": "\\ud800"}', "1:7: a: expected text, got half of a surrogate pair"),
        ('["a"]', "1:1: expected fields and values (a mapping), got a list"),
        ("{}}", "1:3: expected valid JSON, got Extra data"),
        ("", "1:1: expected valid JSON"),
    ],
)
def test_json_problems_have_their_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_json_positions(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{\n  "a": {"b": ["\\"{[", \n 7]}\n}')
    mapping = load_mapping(path)
    assert mapping.locate(("a", "b", 1)) == (3, 2)
    assert mapping.locate_key(("a", "b")) == (2, 9)


def test_windows_line_ends_and_byte_order_marks(write: Path) -> None:
    write.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    mapping = load_mapping(write)
    assert mapping.data == {"a": 1, "b": 2}
    assert mapping.locate(("b",)) == (2, 4)


def test_a_list_of_wrong_items_is_not_called_short_as_well(tmp_path: Path) -> None:
    """Pydantic counts the items that held and then finds the list too short."""
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "name: x\naccelerator: h100_sxm\nscale_out:\n  link: infiniband\n  nic: 400 Gbit/s\n"
        "  levels: [{name: leaf, size: 0 hosts, latency: 3 us}]\n"
    )
    with pytest.raises(InputError) as error:
        load_document(path, ClusterSpec)
    assert [p.field for p in error.value.problems] == ["scale_out.levels[0].size"]
