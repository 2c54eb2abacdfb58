"""Files a plan is launched with: golden texts, and what must never get into them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from plan_samples import DAMAGED_LAB, MOE_MODEL, NETWORK, plan_of, run_of

from placer.emit.files import emit_plan, emitted_files
from placer.emit.manifest import PLAN_FILE
from placer.emit.megatron.arguments import argument_words
from placer.emit.rank_table import rank_table_json
from placer.emit.registry import LAUNCHERS, launchable_by, rules_of
from placer.errors import InfeasibleError, InputError
from placer.plan.microbatch_groups import microbatch_group_size
from placer.plan.placement import PipelineLayout
from placer.plan.ranks import expand_ranks
from placer.plan.serialise import plan_to_json
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.spec.cluster import ClusterSpec
from placer.spec.hierarchy.hostlist import compress_names, expand_names
from placer.spec.run import Allocator, CudaGraph, Features, GradientRecipe, Optimizer, Precision

if TYPE_CHECKING:
    from placer.plan.plan import Plan

RANK_FIELDS = [
    *("rank", "host", "node_rank", "local_rank", "gpu_index", "rail", "site", "pod", "domain"),
    *("tp", "cp", "ep", "etp", "pp", "dp", "dp_shard", "dp_replicate", "edp", "replica"),
]


def dense_plan() -> Plan:
    """Even stages, nothing unusual."""
    return plan_of(Strategy(tp=4, pp=2, dp=2, num_microbatches=8, dp_shard=2))


def experts_plan() -> Plan:
    """MLA, experts wider than dp, MTP, uneven interleaved stages, FP8, selective recomputation."""
    strategy = Strategy(
        tp=2,
        ep=16,
        pp=2,
        vpp=2,
        dp=8,
        num_microbatches=8,
        dp_shard=8,
        schedule=Schedule.INTERLEAVED,
        recompute=Recompute(
            granularity=RecomputeGranularity.SELECTIVE, modules=("mla_up_proj", "moe_act")
        ),
    )
    features = Features(ep_overlap=True)
    return plan_of(strategy, MOE_MODEL, run=run_of(strategy, features, precision=Precision.FP8))


def damaged_plan() -> Plan:
    """Hosts with different numbers of ranks."""
    full = Recompute(granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1)
    strategy = Strategy(dp=16, dp_shard=16, recompute=full)
    run = run_of(strategy, optimizer=Optimizer.MUON)
    return plan_of(strategy, cluster=DAMAGED_LAB, run=run)


CASES = {"dense": dense_plan, "experts": experts_plan, "damaged": damaged_plan}


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("case", sorted(CASES))
def test_golden_files(case: str, request: pytest.FixtureRequest) -> None:
    """Review the whole output; `pytest tests/emit --snapshot-update` writes it anew."""
    folder = GOLDEN / case
    if request.config.getoption("update_snapshots"):
        emit_plan(CASES[case](), "megatron", "slurm", folder)
        (folder / PLAN_FILE).unlink()
    files = emitted_files(CASES[case](), "megatron", "slurm")
    plan = files.pop(PLAN_FILE)
    assert plan == plan_to_json(CASES[case]())
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


@pytest.mark.parametrize("case", sorted(CASES))
def test_bash_reads_what_was_meant(case: str, tmp_path: Path) -> None:
    plan = CASES[case]()
    emit_plan(plan, "megatron", "slurm", tmp_path)
    script = 'source "$1"; printf "%s\\0" "${MEGATRON_ARGS[@]}"'
    words = _bash(script, tmp_path / "megatron_args.sh").rstrip("\0").split("\0")
    assert tuple(words) == argument_words(plan, "")
    subprocess.run(["bash", "-n", tmp_path / "job.sbatch"], check=True)


def _bash(script: str, *args: Path) -> str:
    command = ["bash", "-c", script, "bash", *map(str, args)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("case", sorted(CASES))
def test_rank_table_covers_every_gpu_once(case: str) -> None:
    plan = CASES[case]()
    document = json.loads(rank_table_json(expand_ranks(plan)))
    assert document["schema"] == "placer.ranks/v1"
    ranks = document["ranks"]
    assert [list(row) for row in ranks] == [RANK_FIELDS] * plan.strategy.num_gpus
    assert [row["rank"] for row in ranks] == list(range(plan.strategy.num_gpus))
    assert len({(row["host"], row["gpu_index"]) for row in ranks}) == plan.strategy.num_gpus


def test_host_file_has_a_line_per_host_or_per_rank() -> None:
    hosts = emitted_files(dense_plan(), "megatron", "slurm")["hostfile"].split()
    assert hosts == ["leaf0-n0", "leaf0-n1"]
    damaged = emitted_files(damaged_plan(), "megatron", "slurm")
    assert damaged["hostfile"].split() == ["leaf0-n0"] * 8 + ["leaf0-n2"] * 7 + ["leaf0-n3"]
    assert "leaf0-n2 1,2,3,4,5,6,7\n" in damaged["gpus_of_host"]
    assert "torchrun" not in damaged["job.sbatch"].split("run_task() {")[1]


def test_files_are_replaced_together(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    first = emit_plan(dense_plan(), "megatron", "slurm", folder)
    assert [p.name for p in first] == [
        "emitted.json",
        "hostfile",
        "job.sbatch",
        "megatron_args.sh",
        "plan.json",
        "rank_table.json",
    ]
    before = [p.read_bytes() for p in first]
    assert emit_plan(dense_plan(), "megatron", "slurm", folder) == first
    assert [p.read_bytes() for p in first] == before
    assert sorted(folder.iterdir()) == list(first)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(InputError, match="expected a folder to write to"):
        emit_plan(dense_plan(), "megatron", "slurm", path)


@pytest.mark.parametrize(
    ("framework", "launcher", "named"),
    [
        ("megatrom", "slurm", "megatron, megatron-bridge, primus, torchtitan"),
        ("megatron@0.1", "slurm", "megatron@0.1"),
        ("megatron", "slum", "slurm, torchrun"),
        ("any", "slurm", "megatron, megatron-bridge, primus, torchtitan"),
    ],
)
def test_unknown_names(framework: str, launcher: str, named: str) -> None:
    with pytest.raises(InputError) as raised:
        emitted_files(dense_plan(), framework, launcher)
    assert named in str(raised.value)


def test_hosts_cannot_smuggle_commands() -> None:
    """Whatever a cluster file names its hosts, only what a host can be called reaches a shell."""
    plan = dense_plan()
    ranks = expand_ranks(plan)
    hostile = replace(ranks, node_names=("$(reboot)", "leaf0-n1"))
    from placer.emit.files import _check_hosts

    with pytest.raises(InputError, match="expected host names of letters"):
        _check_hosts(hostile)


def test_names_cannot_break_out_of_comments_or_options() -> None:
    plan = dense_plan()
    hostile = plan.model.model_copy(update={"name": "a\nreboot #\r$(reboot)"})
    files = emitted_files(replace(plan, model=hostile), "megatron", "slurm")
    for name in ("megatron_args.sh", "job.sbatch"):
        assert "\nreboot" not in files[name]
    assert "#SBATCH --job-name=a-reboot-----reboot--lab\n" in files["job.sbatch"]


def test_a_plan_that_contradicts_itself_is_not_emitted() -> None:
    plan = dense_plan()
    cells = (plan.placement.cells[0],) * 2 + plan.placement.cells[2:]
    twice = replace(plan, placement=replace(plan.placement, cells=cells))
    with pytest.raises(InputError, match="given twice"):
        emitted_files(twice, "megatron", "slurm")


def test_what_megatron_cannot_run_is_said() -> None:
    strategy = Strategy(tp=2, ep=8, pp=2, dp=8, num_microbatches=8, sequence_parallel=False)
    plan = plan_of(replace(strategy, dp_shard=8), MOE_MODEL)
    with pytest.raises(InfeasibleError, match="megatron_moe_needs_sequence_parallel"):
        emitted_files(plan, "megatron", "slurm")


def test_mtp_where_megatron_refuses_it() -> None:
    plan = experts_plan()
    chunks = list(plan.placement.pipeline_layout.chunks)
    chunks[2] = replace(chunks[2], num_layers=6, num_moe=6, num_mtp=1)
    chunks[3] = replace(chunks[3], first_layer=13, num_layers=0, num_moe=0, num_mtp=0)
    layout = PipelineLayout(chunks=tuple(chunks))
    moved = replace(plan, placement=replace(plan.placement, pipeline_layout=layout))
    with pytest.raises(InputError, match="MTP layers on stage 0"):
        emitted_files(moved, "megatron", "slurm")


# Each row: what of the run or strategy is changed, and the words that must appear.
@pytest.mark.parametrize(
    ("strategy", "features", "run", "words"),
    [
        ({}, {}, {}, "--use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather"),
        ({"zero_stage": 0}, {}, {}, "--optimizer adam --overlap-grad-reduce"),
        ({"dp": 4, "dp_replicate": 2}, {}, {}, "--num-distributed-optimizer-instances 2"),
        (
            {"pp": 1, "zero_stage": 3},
            {},
            {},
            "--data-parallel-sharding-strategy optim_grads_params",
        ),
        ({}, {"tp_comm_overlap": True}, {}, "--sequence-parallel --tp-comm-overlap"),
        ({}, {"cuda_graph": CudaGraph.FULL}, {}, "--cuda-graph-impl full_iteration"),
        ({}, {}, {"optimizer": Optimizer.ADAM_BF16}, "--exp-avg-dtype bf16"),
        ({}, {"gradients": GradientRecipe.NARROW}, {}, "--grad-reduce-in-bf16"),
        ({}, {}, {"precision": Precision.MXFP8}, "--fp8-format e4m3 --fp8-recipe mxfp8"),
        ({}, {}, {"precision": Precision.NVFP4}, "--fp4-format e2m1 --fp4-recipe nvfp4"),
        ({"pp": 3}, {}, {}, "--pipeline-model-parallel-layout Et*6|t*5|t*5L"),
        (
            {"vpp": 2, "schedule": Schedule.INTERLEAVED},
            {},
            {},
            "--num-virtual-stages-per-pipeline-rank 2",
        ),
        (
            {"vpp": 2, "schedule": Schedule.INTERLEAVED, "num_microbatches": 5},
            {},
            {},
            "--microbatch-group-size-per-virtual-pipeline-stage 3",
        ),
    ],
)
def test_flags_of_choices(
    strategy: dict[str, Any], features: dict[str, Any], run: dict[str, Any], words: str
) -> None:
    base = Strategy(tp=4, pp=2, dp=2, num_microbatches=8, dp_shard=2)
    changed = replace(base, **strategy)
    plan = plan_of(changed, run=run_of(changed, Features(**features), **run))
    assert words in " ".join(argument_words(plan, ""))


def test_environment_follows_the_features() -> None:
    plan = dense_plan()
    script = emitted_files(plan, "megatron", "slurm")["job.sbatch"]
    assert "export CUDA_DEVICE_MAX_CONNECTIONS=1\n" in script
    assert "export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True\n" in script
    graphs = Features(cuda_graph=CudaGraph.PARTIAL)
    script = emitted_files(
        plan_of(plan.strategy, run=run_of(plan.strategy, graphs)), "megatron", "slurm"
    )["job.sbatch"]
    assert "export NCCL_GRAPH_REGISTER=0\n" in script
    sharded = Strategy(dp=4, dp_shard=4, zero_stage=3)
    caching = Features(allocator=Allocator.CACHING)
    script = emitted_files(plan_of(sharded, run=run_of(sharded, caching)), "megatron", "slurm")[
        "job.sbatch"
    ]
    assert "export CUDA_DEVICE_MAX_CONNECTIONS=8\n" in script
    assert "ALLOC_CONF" not in script


def test_releases_differ_where_megatron_did() -> None:
    plan = experts_plan()
    graphs = Features(cuda_graph=CudaGraph.FULL)
    plan = replace(plan, run=run_of(plan.strategy, graphs))
    assert "--moe-pad-experts-for-cuda-graph-inference" in argument_words(plan, "0.17.1")
    assert "--moe-pad-experts-for-cuda-graph-inference" not in argument_words(plan, "0.19.2")
    plan = damaged_plan()
    assert "--optimizer dist_muon" in " ".join(argument_words(plan, "0.17.1"))
    newer = " ".join(argument_words(plan, "0.19.2"))
    assert "--optimizer muon --use-distributed-optimizer" in newer


# Each row: pp, micro-batches, the group Megatron-LM can run (S schedules.py).
@pytest.mark.parametrize(("pp", "total", "size"), [(4, 8, 4), (4, 5, 5), (4, 9, 5), (4, 11, 6)])
def test_groups_of_microbatches(pp: int, total: int, size: int) -> None:
    assert microbatch_group_size(pp, total) == size
    rest = total % size
    assert rest == 0 or rest >= pp or size == total


@dataclass(frozen=True)
class Names:
    """Host names and how Slurm writes them."""

    names: tuple[str, ...]
    text: tuple[str, ...]


@pytest.mark.parametrize(
    "case",
    [
        Names(("n2", "n1", "n3", "n7"), ("n[1-3,7]",)),
        Names(("n08", "n09", "n10"), ("n[08-10]",)),
        Names(("n9", "n10"), ("n[9-10]",)),
        Names(("leaf0-n0", "leaf0-n1", "leaf1-n0"), ("leaf0-n[0-1]", "leaf1-n0")),
        Names(("login", "n1"), ("login", "n1")),
        Names(("a1.x", "a2.x"), ("a[1-2].x",)),
    ],
)
def test_host_lists(case: Names) -> None:
    assert compress_names(case.names) == case.text
    expanded = [name for text in case.text for name in expand_names(text)]
    assert sorted(expanded) == sorted(case.names)


@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
def test_16384_ranks_are_emitted(launcher: str) -> None:
    levels = [
        {"name": "leaf", "size": "32 hosts", "latency": "5 us"},
        {"name": "core", "size": "64 leaf", "latency": "8 us"},
    ]
    cluster = ClusterSpec.model_validate(
        {"name": "large", "accelerator": "h100_sxm", "scale_out": NETWORK | {"levels": levels}}
    )
    strategy = Strategy(tp=8, pp=16, dp=128, dp_shard=128, num_microbatches=16)
    plan = replace(_packed(strategy, cluster), cluster=cluster)
    files = emitted_files(plan, "megatron", launcher)
    places = LAUNCHERS[launcher].places(files, 16384)
    assert len(set(places.hosts)) == 2048


def _packed(strategy: Strategy, cluster: ClusterSpec) -> Plan:
    """A plan of few cell runs, one per stage."""
    return plan_of(strategy, cluster=cluster)


def test_rules_by_name() -> None:
    assert rules_of("any").name == "any"
    assert rules_of("megatron@0.17.1").release == "0.17.1"
    with pytest.raises(InputError, match="primus, torchtitan, any"):
        rules_of("torch")
    plan = dense_plan()
    assert "megatron" in launchable_by(plan.model, plan.run, plan.strategy)
    odd = replace(plan.strategy, schedule=Schedule.DUAL_PIPE)
    assert launchable_by(plan.model, plan.run, odd) == ()
