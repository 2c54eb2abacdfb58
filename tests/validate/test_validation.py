from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from validate_samples import DENSE, EXPERTS, rows_of

from placer.cost.constants import load_constants
from placer.report.html.validation_page import validation_page
from placer.report.validation_json import validation_json
from placer.report.validation_markdown import validation_markdown
from placer.report.validation_svg import validation_svg
from placer.report.validation_text import render_validation
from placer.validate.choice import choice_accuracy
from placer.validate.grouping import GroupedBy, group_errors, parallelism, size
from placer.validate.measured_run import run_of
from placer.validate.predict import Outcome, predict
from placer.validate.validation import Validation, validate

MIXED = (
    DENSE,
    DENSE | {"id": "small", "gpus": "1", "tp": "1", "pp": "1", "dp": "1", "family": "others"},
    EXPERTS | {"peak_mem_gib": "50"},
    DENSE | {"id": "incomplete", "complete": "0"},
    DENSE | {"id": "broken", "vocab": "many"},
    DENSE | {"id": "late", "complete": "0", "recompute": ""},
)


def validated(*rows: dict[str, str]) -> Validation:
    return validate("runs.csv", rows_of(*rows), load_constants())


def outcome(measured_s: float, predicted_s: float, **cells: str) -> Outcome:
    """The dense row with given times."""
    run = run_of(rows_of(DENSE | {"step_time_s": str(measured_s)} | cells)[0])
    (found,) = predict([run], load_constants())
    estimate = replace(found.estimate, step_time_s=predicted_s, mfu=1.0 / predicted_s)
    return replace(found, estimate=estimate)


def test_errors_are_relative_to_what_was_measured() -> None:
    found = outcome(10.0, 12.0)
    assert found.error == pytest.approx(0.2)
    assert found.predicted_efficiency == pytest.approx(1 / 12)
    assert found.measured_efficiency == pytest.approx(1 / 10)


def test_memory_is_compared_at_the_fullest_stage() -> None:
    found = outcome(10.0, 12.0, peak_mem_gib="50")
    fullest = max(stage.total_bytes for stage in found.estimate.memory)
    assert found.memory_error == pytest.approx(fullest / (50 * 1024**3) - 1)
    assert outcome(10.0, 12.0).memory_error is None


def test_shares_sum_to_one_largest_first() -> None:
    shares = [share for _, share in outcome(10.0, 12.0).shares]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)


def test_groups_by_hand() -> None:
    found = group_errors(
        [
            outcome(10.0, 11.0),
            outcome(10.0, 7.0),
            outcome(10.0, 10.0, family="others"),
        ]
    )
    pairs = {(g.by, g.name): g for g in found}
    ours = pairs[GroupedBy.FAMILY_ACCELERATOR, "ours, h100_sxm"]
    assert ours.rows == 2
    assert ours.mape == pytest.approx(0.2)
    assert ours.bias == pytest.approx(-0.1)
    everything = pairs[GroupedBy.ACCELERATOR, "h100_sxm"]
    assert everything.rows == 3
    assert everything.median_ape == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ({}, "tp+pp"),
        ({"tp": "1", "pp": "1", "dp": "16", "zero_stage": "3"}, "fsdp"),
        ({"tp": "1", "pp": "1", "dp": "16"}, "dp"),
        ({"gpus": "1", "tp": "1", "pp": "1", "dp": "1"}, "single"),
        ({"cp": "2", "dp": "2"}, "tp+cp+pp"),
    ],
)
def test_kinds_of_parallelism(cells: dict[str, str], name: str) -> None:
    assert parallelism(run_of(rows_of(DENSE | cells)[0])) == name


@pytest.mark.parametrize(
    ("gpus", "name"),
    [
        (8, "up to 8 GPUs"),
        (16, "9 to 64 GPUs"),
        (64, "9 to 64 GPUs"),
        (256, "65 to 256 GPUs"),
        (1020, "257 to 1,023 GPUs"),
        (1024, "1,024 GPUs and more"),
    ],
)
def test_sizes(gpus: int, name: str) -> None:
    dp = str(gpus // 4)
    cells = DENSE | {"gpus": str(gpus), "dp": dp, "global_batch": dp}
    assert size(run_of(rows_of(cells)[0])) == name


def configuration(number: int, measured_s: float, predicted_s: float, **cells: str) -> Outcome:
    """One of several answers to the same question: they differ in micro-batch or chunks."""
    answers = [{"micro_batch": str(2**i)} for i in range(6)]
    cells = {"id": f"answer {number}"} | answers[number] | cells
    return outcome(measured_s, predicted_s, **cells)


def test_choice_counts_pairs_that_differ_notably() -> None:
    found = choice_accuracy(
        [
            configuration(0, 10.0, 11.0),
            configuration(1, 10.4, 9.0),  # 4 % from the first: no choice
            configuration(2, 12.0, 12.0),  # rightly slower than both
            configuration(3, 20.0, 8.0),  # predicted fastest, measured slowest: three wrong pairs
            configuration(4, 20.0, 8.0, global_batch="256"),  # another question
        ]
    )
    assert (found.pairs, found.named) == (5, 2)
    assert found.accuracy == pytest.approx(0.4)
    assert found.regrets == ()
    assert found.mean_regret is None


def test_runs_of_one_configuration_count_once_at_their_mean() -> None:
    found = choice_accuracy(
        [
            configuration(0, 10.0, 10.0),
            configuration(0, 14.0, 10.0),  # the same again, on a bad day: 12 s on average
            configuration(1, 11.0, 9.0),
        ]
    )
    assert (found.pairs, found.named) == (1, 1)


def test_a_model_is_the_same_under_another_name() -> None:
    found = choice_accuracy(
        [configuration(0, 10.0, 10.0, model="a"), configuration(1, 11.0, 11.0, model="b")]
    )
    assert found.pairs == 1


def test_regret_of_five_configurations() -> None:
    times = [(10.0, 10.0), (11.0, 9.5), (12.0, 12.0), (13.0, 13.0), (14.0, 14.0)]
    found = choice_accuracy([configuration(i, m, p) for i, (m, p) in enumerate(times)])
    (regret,) = found.regrets
    assert (regret.chosen, regret.best, regret.configurations) == ("answer 1", "answer 0", 5)
    assert found.mean_regret == pytest.approx(0.1)
    assert found.max_regret == pytest.approx(0.1)


def test_overall_counts_every_row() -> None:
    overall = validated(*MIXED).overall
    assert (overall.rows, overall.skipped, overall.complete_skipped) == (3, 3, 1)
    assert overall.memory_rows == 1
    assert overall.macro_mape is not None


def test_nothing_to_compare_is_no_error() -> None:
    found = validated(DENSE | {"complete": "0"})
    assert found.overall.mape is None
    assert found.overall.spearman_efficiency is None
    for text in (
        validation_json(found),
        validation_markdown(found),
        validation_svg(found),
        render_validation(found, colour=False),
    ):
        assert text


def test_json_has_what_people_script_against() -> None:
    document = json.loads(validation_json(validated(*MIXED)))
    assert document["schema"] == "placer.validate/v1"
    first, *_, last = document["rows"]
    assert [row["id"] for row in document["rows"]] == [row["id"] for row in MIXED]
    assert first["measured_s"] == 10.0
    assert first["error"] == pytest.approx(first["predicted_s"] / 10.0 - 1.0)
    assert first["peak_mem_gib"] is None
    assert first["predicted_mem_gib"] > 0
    assert first["skipped"] is None
    assert sum(first["breakdown_s"].values()) == pytest.approx(first["predicted_s"])
    assert last["predicted_s"] is None
    assert last["skipped"].startswith("incomplete")
    wanted = {
        "rows",
        "mape",
        "macro_mape",
        "median_ape",
        "p90_ape",
        "bias",
        "spearman_efficiency",
        "memory_mape",
    }
    assert wanted <= set(document["overall"])
    assert {"by", "name", "rows", "mape", "bias", "median_ape"} == set(document["groups"][0])


def test_json_is_the_same_twice() -> None:
    assert validation_json(validated(*MIXED)) == validation_json(validated(*MIXED))


def test_text_fits_the_terminal_and_names_every_reason() -> None:
    text = render_validation(validated(*MIXED), colour=False)
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "3 of 6 runs" in text
    assert "vocab: expected a whole number >= 1, got 'many' (broken)" in text


def test_rows_that_ran_but_do_not_fit_are_listed() -> None:
    """100 layers of Llama 3 8B's width on one accelerator."""
    large = DENSE | {"id": "large", "gpus": "1", "tp": "1", "pp": "1", "dp": "1", "n_layers": "100"}
    found = validated(DENSE, large)
    assert [o.measured.name for o in found.not_fitting] == ["large"]
    assert found.overall.judged_fitting == pytest.approx(0.5)
    assert "judged not to fit" in render_validation(found, colour=False)


def test_page_shows_every_group_and_keeps_names_as_text() -> None:
    found = validated(DENSE | {"id": "<script>"}, EXPERTS)
    html = validation_page(found, ())

    assert "<script" not in html
    assert html == validation_page(found, ())
    for group in found.groups:
        assert group.name in html


def test_page_without_a_costed_row_has_no_picture() -> None:
    html = validation_page(validated(DENSE | {"accelerator": "abacus"}), ())

    assert "<figure" not in html
    assert "Not costed" in html


def test_markdown_escapes_cells() -> None:
    text = validation_markdown(validated(DENSE | {"id": "a|b"}))
    assert "| a\\|b |" in text
    widths = {line.count(" | ") for line in text.splitlines() if line.startswith("| a\\|b")}
    assert widths == {4}


def test_picture_marks_every_row_and_escapes_names() -> None:
    text = validation_svg(validated(DENSE | {"id": "<&>"}, EXPERTS))
    root = ET.fromstring(text)
    titles = [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}title")]
    assert sum(title.startswith(("<&>: measured", "experts: measured")) for title in titles) == 2
