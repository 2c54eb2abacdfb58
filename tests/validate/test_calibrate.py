from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from validate_samples import DENSE, rows_of, table_text

from placer.cost.collectives import all_gather_s
from placer.cost.constants import Constants, load_constants
from placer.errors import InputError
from placer.spec.cluster import ClusterSpec
from placer.spec.run import Precision
from placer.topology.build import build_topology
from placer.topology.tree import Topology
from placer.validate.calibrate import Measurements, calibrate, spans_of_ranks
from placer.validate.calibration import (
    CalibratedConstant,
    Calibration,
    Derates,
    apply,
    calibration_yaml,
    load_calibration,
)
from placer.validate.calibration_inputs import calibrate_files
from placer.validate.gemm_table import MeasuredGemm, read_gemm_table
from placer.validate.knobs import stated_at
from placer.validate.measured_run import MeasuredRun, run_of
from placer.validate.nccl_output import Collective, CollectiveTimes, read_nccl_output
from placer.validate.predict import predict

HOPPER = "compute.sustained_hopper"

LAB = """\
name: lab
accelerator: h100_sxm
scale_out:
  link: infiniband
  nic: 400 Gbit/s
  levels:
    - {name: fabric, size: 8, latency: 3 us}
"""

OUTPUT = """\
# Collective test starting: all_gather_perf
# nThread 1 nGpus 1 minBytes 1048576 maxBytes 17179869184 step: 2(factor) warmup iters: 5 iters: 20
#
# Using devices
#  Rank  0 Group  0 Pid 101 on    node-a device  0 [0000:1b:00] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 Pid 102 on    node-a device  1 [0000:43:00] NVIDIA H100 80GB HBM3
#  Rank  2 Group  0 Pid 103 on    node-b device  0 [0000:1b:00] NVIDIA H100 80GB HBM3
#  Rank  3 Group  0 Pid 104 on    node-b device  1 [0000:43:00] NVIDIA H100 80GB HBM3
#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
     1048576         65536     float    none      -1    120.5    8.70    6.53      0    119.9    8.75    6.56      0
  1073741824      67108864     float    none      -1  16500.0   65.08   48.81      0  16500.0   65.08   48.81      0
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 25.0
"""


def lab() -> Topology:
    return build_topology(ClusterSpec.model_validate(
        {
            "name": "lab",
            "accelerator": "h100_sxm",
            "scale_out": {
                "link": "infiniband",
                "nic": "400 Gbit/s",
                "levels": [{"name": "fabric", "size": 8, "latency": "3 us"}],
            },
        }
    ))  # fmt: skip


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def slowed_run(factor: float, constants: Constants, **cells: str) -> MeasuredRun:
    """The dense row, as long as the cost model says times ``factor``."""
    (row,) = rows_of(DENSE | cells)
    (outcome,) = predict([run_of(row)], constants)
    step = str(outcome.estimate.step_time_s * factor)
    return run_of(rows_of(DENSE | cells | {"step_time_s": step})[0])


def test_one_measured_step_is_enough() -> None:
    constants = load_constants()
    run = slowed_run(1.25, constants)
    found = calibrate(Measurements(runs=(run,)), constants, Derates())
    (improvement,) = found.improvements
    assert improvement.before == pytest.approx(0.2)
    assert improvement.after < 0.02
    assert found.calibration.constants[HOPPER].value < constants.value(HOPPER)
    factors = {round(e.value / (e.was or 1), 3) for e in found.calibration.constants.values()}
    assert len(factors) == 1  # one factor on everything that scales with the clock
    (outcome,) = predict([run], apply(constants, found.calibration))
    assert abs(outcome.error) == pytest.approx(improvement.after, abs=1e-4)


def test_many_steps_turn_more_than_one_knob() -> None:
    constants = load_constants()
    runs = tuple(slowed_run(1.1, constants, global_batch=str(b)) for b in (16, 32, 64, 128))
    found = calibrate(Measurements(runs=runs), constants, Derates())
    assert found.improvements[0].after < 0.02
    assert "compute.hbm_efficiency" in found.calibration.constants


def test_derates_are_not_fitted_away() -> None:
    """A step measured under a capped clock says nothing new once the cap is stated."""
    constants = load_constants()
    capped = apply(constants, Calibration(derates=Derates(clock=0.8)))
    run = slowed_run(1.0, capped)
    found = calibrate(Measurements(runs=(run,)), constants, Derates(clock=0.8))
    assert found.calibration.constants == {}
    assert found.calibration.derates.clock == 0.8


def test_derates_slow_every_rate() -> None:
    constants = load_constants()
    slow = apply(constants, Calibration(derates=Derates(clock=0.9, straggler=1.2)))
    assert slow.value(HOPPER) == pytest.approx(constants.value(HOPPER) * 0.75)
    kept = ("compute.attention_backward_ratio", "compute.hbm_efficiency")
    assert [slow.value(name) for name in kept] == [constants.value(name) for name in kept]


def test_collectives_calibrate_the_link_they_cross() -> None:
    constants, topology = load_constants(), lab()
    ring = stated_at(constants, "infiniband", "ring")
    true = constants.replace({ring: constants.value(ring) * 0.7})
    sizes = (2.0**20, 2.0**26, 2.0**30)
    spans = np.array([[1, 4]] * 3)
    times = all_gather_s(np.array(sizes), spans, topology.levels, true)
    measured = CollectiveTimes(
        source="all_gather.txt",
        collective=Collective.ALL_GATHER,
        ranks_of_host=(1, 1, 1, 1),
        sizes_bytes=sizes,
        times_s=tuple(times.tolist()),
    )
    found = calibrate(
        Measurements(topology=topology, collectives=(measured,)), constants, Derates()
    )
    assert found.calibration.constants[ring].value == pytest.approx(
        constants.value(ring) * 0.7, rel=0.03
    )
    assert found.improvements[0].after < 0.02


@pytest.mark.parametrize(
    ("ranks_of_host", "spans"),
    [
        ((8,), [8, 1]),
        ((4,), [4, 1]),
        ((8, 8), [8, 2]),
        ((1, 1, 1), [1, 3]),
        ((2, 2), [2, 2]),
    ],
)
def test_ranks_span_the_levels(ranks_of_host: tuple[int, ...], spans: list[int]) -> None:
    run = CollectiveTimes(
        source="",
        collective=Collective.ALL_REDUCE,
        ranks_of_host=ranks_of_host,
        sizes_bytes=(),
        times_s=(),
    )
    assert spans_of_ranks(run, lab()).tolist() == [spans]


def test_products_calibrate_their_generation_and_format() -> None:
    constants, topology = load_constants(), lab()
    part = topology.accelerators[0]
    peak = part.bf16_achievable_flops_per_s
    assert peak is not None
    gemms = tuple(
        MeasuredGemm(m=8192, n=n, k=8192, precision=Precision.BF16, time_s=2 * 8192**2 * n / (0.7 * peak))
        for n in (4096, 8192, 16384)
    )  # fmt: skip
    found = calibrate(Measurements(topology=topology, gemms=gemms), constants, Derates())
    assert list(found.calibration.constants) == [HOPPER]
    assert found.improvements[0].after < 0.03  # one rate, and tiles of three sizes


def test_without_measurements_there_is_nothing_to_do() -> None:
    with pytest.raises(InputError, match="a measurement or a derate"):
        calibrate(Measurements(), load_constants(), Derates())


def test_products_need_a_cluster() -> None:
    gemm = MeasuredGemm(m=1, n=1, k=1, precision=Precision.BF16, time_s=1.0)
    with pytest.raises(InputError, match="Give --cluster"):
        calibrate(Measurements(gemms=(gemm,)), load_constants(), Derates())


def test_a_file_is_written_and_read_back(tmp_path: Path) -> None:
    constants = load_constants()
    entry = CalibratedConstant(value=0.8, was=0.9, source="3 measured steps")
    written = Calibration(derates=Derates(clock=0.95), constants={HOPPER: entry})
    path = saved(tmp_path, "mine.yaml", calibration_yaml(written))
    assert load_calibration(path, constants) == written
    assert apply(constants, written).value(HOPPER) == pytest.approx(0.8 * 0.95)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("schema: placer.calibration/v2\n", "schema"),
        ("constants: {compute.sustained_hooper: {value: 1, source: s}}\n", "Did you mean"),
        ("derates: {clock: 0}\n", "clock"),
        ("derates: {clok: 1}\n", "clok"),
        (f"constants: {{{HOPPER}: {{value: -1, source: s}}}}\n", "value"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, text: str, what: str) -> None:
    path = saved(tmp_path, "mine.yaml", text)
    with pytest.raises(InputError, match=re.escape(str(path))) as caught:
        load_calibration(path, load_constants())
    assert what in str(caught.value)


def test_nccl_output_is_read(tmp_path: Path) -> None:
    found = read_nccl_output(saved(tmp_path, "anything.txt", OUTPUT))
    assert found.collective is Collective.ALL_GATHER
    assert found.ranks_of_host == (2, 2)
    assert found.sizes_bytes == (1048576.0, 1073741824.0)
    assert found.times_s == pytest.approx((120.5e-6, 16.5e-3))


def test_nccl_output_may_be_named_by_its_file(tmp_path: Path) -> None:
    text = OUTPUT.split("\n", 1)[1]
    assert read_nccl_output(saved(tmp_path, "alltoall.log", text)).collective is (
        Collective.ALL_TO_ALL
    )


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("x.txt", OUTPUT.split("\n", 1)[1], "Name the file after the program"),
        ("x.txt", OUTPUT.replace("Rank", "Rang"), "Keep the whole output"),
        ("x.txt", OUTPUT.replace("   120.5", "   N/A"), "x.txt:13: expected a time"),
        ("x.txt", OUTPUT.replace("float", "float ").split("     1048576")[0], "rows of sizes"),
    ],
)
def test_other_output_is_refused(tmp_path: Path, name: str, text: str, what: str) -> None:
    with pytest.raises(InputError, match=re.escape(what)):
        read_nccl_output(saved(tmp_path, name, text))


def test_gemm_tables_hold_rates_or_times(tmp_path: Path) -> None:
    text = "m,n,k,precision,tflops,time_us\n1000,1000,1000,FP8,2,\n10,10,10,,,5\n"
    first, second = read_gemm_table(saved(tmp_path, "gemm.csv", text))
    assert first.precision is Precision.FP8
    assert first.time_s == pytest.approx(1e-3)
    assert second.precision is Precision.BF16
    assert second.time_s == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("m,n,k\n", "gemm.csv:1: expected the columns tflops or time_us"),
        ("", "gemm.csv:1: expected the columns m, n, k"),
        ("m,n,k,tflops\n", "expected at least one product"),
        ("m,n,k,tflops\n1,2,x,4\n", "gemm.csv:2: expected k to be a whole number >= 1, got 'x'"),
        ("m,n,k,tflops\n1,2,3,\n", "gemm.csv:2: expected tflops to be a rate or a time"),
    ],
)
def test_other_gemm_tables_are_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(InputError, match=re.escape(what)):
        read_gemm_table(saved(tmp_path, "gemm.csv", text))


def test_everything_at_once(tmp_path: Path) -> None:
    found = calibrate_files(
        cluster=str(saved(tmp_path, "lab.yaml", LAB)),
        nccl=(saved(tmp_path, "all_gather.txt", OUTPUT),),
        gemm=saved(tmp_path, "gemm.csv", "m,n,k,tflops\n8192,8192,8192,700\n"),
        runs=saved(tmp_path, "runs.csv", table_text(DENSE)),
        clock=1.0,
        straggler=1.0,
    )
    assert [item.kind for item in found.improvements] == [
        "collective times",
        "matrix products",
        "measured steps",
    ]


def test_a_step_that_cannot_be_costed_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "runs.csv", table_text(DENSE, DENSE | {"vocab": ""}))
    with pytest.raises(InputError, match=r"runs.csv:3: expected a step to calibrate with"):
        calibrate_files(cluster=None, nccl=(), gemm=None, runs=path, clock=1.0, straggler=1.0)


def test_impossible_derates_are_refused() -> None:
    with pytest.raises(InputError, match="--straggler"):
        calibrate_files(cluster=None, nccl=(), gemm=None, runs=None, clock=1.0, straggler=0.5)
