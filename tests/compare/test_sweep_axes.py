"""What a sweep varies: paths into a template, values, and what cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.compare.sweep.axes import Axis, applied, label, parse_axes, points
from placer.compare.sweep.pareto import pareto_front
from placer.errors import InputError

TEMPLATE: dict[str, object] = {
    "scale_up": {"size": 8},
    "levels": [{"name": "leaf", "size": 4}, {"name": "core", "size": 2}],
}


def test_values_are_what_yaml_makes_of_them() -> None:
    (axis,) = parse_axes(["scale_out.nic=400 Gbit/s,8,1.5,true"])
    assert axis == Axis(
        key="scale_out.nic", path=("scale_out", "nic"), values=("400 Gbit/s", 8, 1.5, True)
    )


@pytest.mark.parametrize(
    "text",
    [
        "scale_up.size",  # no values
        "scale_up.size=",  # an empty one
        "scale_up.size=8,",  # a trailing one
        "=8",  # no field
        "scale up=8",  # no such path
        "levels[x]=8",  # no number
        "size=[1]",  # a list is no scalar
        "size={a: 1}",  # nor is a mapping
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--vary: expected KEY=V1,V2"):
        parse_axes([text])


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_axes(["a=1", "a=2", "b"])
    assert [problem.found for problem in caught.value.problems] == ["a twice", "'b'"]


def test_too_many_layouts_are_refused_before_any_is_made() -> None:
    values = ",".join(str(number) for number in range(400))
    with pytest.raises(InputError, match="at most 100,000 layouts, got 160,000"):
        parse_axes([f"a={values}", f"b={values}"])


def test_combinations_run_through_the_last_axis_first() -> None:
    axes = parse_axes(["a=1,2", "b=x,y"])
    assert points(axes) == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
    assert label(axes, (1, "y")) == "a=1 b=y"


@pytest.mark.parametrize("path", ["levels[1].size", "levels.core.size"])
def test_a_part_of_a_list_goes_by_number_or_name(path: str) -> None:
    changed = applied(TEMPLATE, parse_axes([f"{path}=16"]), (16,))
    assert changed["levels"] == [{"name": "leaf", "size": 4}, {"name": "core", "size": 16}]
    assert TEMPLATE["levels"] == [{"name": "leaf", "size": 4}, {"name": "core", "size": 2}]


def test_a_field_the_template_leaves_out_is_made() -> None:
    changed = applied(TEMPLATE, parse_axes(["scale_up.bandwidth=1"]), ("900 GB/s",))
    assert changed["scale_up"] == {"size": 8, "bandwidth": "900 GB/s"}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("levels[7].size", r"a number from 0 to 1, got levels\[7\].size: 7"),
        ("levels.cor.size", "the name of a part, got levels.cor.size: 'cor'. Did you mean core"),
        ("scale_up.size.deep", "fields to vary, got scale_up.size.deep: scale_up.size holds none"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        applied(TEMPLATE, parse_axes([f"{path}=1"]), (1,))


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    gains = [10.0, 12.0, 12.0, 9.0, None, 20.0]
    prices = [1.0, 2.0, 3.0, 4.0, 0.5, None]
    assert pareto_front(gains, prices) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_the_front_is_that_of_the_definition(found: list[tuple[int, int]]) -> None:
    gains = [float(gain) for gain, _ in found]
    prices = [float(price) for _, price in found]
    front = pareto_front(gains, prices)

    def beats(a: int, b: int) -> bool:
        alike = gains[a] == gains[b] and prices[a] == prices[b]
        return a != b and gains[a] >= gains[b] and prices[a] <= prices[b] and (not alike or a < b)

    expected = {b for b in range(len(found)) if not any(beats(a, b) for a in range(len(found)))}
    assert set(front) == expected
