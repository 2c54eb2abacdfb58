"""Jobs read from the files they are launched with, and back from the files placer emits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from import_samples import JOBS
from plan_samples import DENSE_MODEL, MOE_MODEL, plan_of, run_of
from syrupy.assertion import SnapshotAssertion

from placer import api
from placer.emit.deepspeed.configuration import json_file
from placer.emit.megatron.arguments import argument_file
from placer.emit.torchtitan.dialects import toml_file
from placer.errors import InputError, Problem
from placer.importers.jobs import Job, JobFormat, read_job
from placer.importers.jobs.megatron_degrees import parse_layout
from placer.importers.jobs.megatron_model import parse_frequency
from placer.importers.model_source import load_model
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.spec.model import ModelSpec
from placer.spec.run import (
    Allocator,
    CudaGraph,
    Features,
    GradientRecipe,
    MoeDispatcher,
    Optimizer,
    Precision,
)

FILES = sorted(path.name for path in JOBS.iterdir() if path.suffix != ".md")


GPUS = {
    "torchtitan-llama3-405b.toml": 512,
    "torchtitan-deepseek-v3-671b.toml": 256,
    "deepspeed-zero3.json": 64,
}
"""GPUs of the jobs whose batch follows from them."""


@pytest.mark.parametrize("name", FILES)
def test_whole_files(name: str, snapshot: SnapshotAssertion, tmp_path: Path) -> None:
    """As configuration files of our own, which read back as the same job."""
    job = api.read_job(JOBS / name, num_gpus=GPUS.get(name))
    text = api.job_document(job, name)
    assert text == snapshot
    again = api.read_job(saved(tmp_path, "job.yaml", text))
    assert (again.configuration, again.run) == (job.configuration, job.run)
    assert again.model == job.model


@pytest.mark.parametrize(
    ("name", "catalogue"),
    [
        ("gpt3-175b.sh", "gpt3-175b"),
        ("llama3-8b-fp8.sh", "llama-3.1-8b"),
        ("mixtral-8x7b.sh", "mixtral-8x7b"),
        ("deepseek-v3-fsdp.sbatch", "deepseek-v3"),
    ],
)
def test_architectures_are_those_of_the_catalogue(name: str, catalogue: str) -> None:
    """Their own longest sequence and padding of the vocabulary aside."""
    read, known = read_job(JOBS / name).model, load_model(catalogue)[0]
    assert isinstance(read, ModelSpec)
    ours = {
        "name": known.name,
        "source": known.source,
        "max_seq_len": known.max_seq_len,
        "vocab_size": known.vocab_size,
        "params_published": known.params_published,
        "active_params_published": known.active_params_published,
    }
    assert read.model_copy(update=ours) == known


@pytest.mark.parametrize(
    ("name", "num_gpus"),
    [
        ("gpt3-175b.sh", 128),
        ("llama3-8b-fp8.sh", 8),
        ("deepseek-v3-fsdp.sbatch", 256),
        ("torchtitan-llama3-8b.sh", 32),
        ("torchtitan-pipeline.toml", 256),
        ("deepspeed-bf16.json", 2),
        ("torchtitan-llama3-405b.toml", None),
    ],
)
def test_gpus_as_far_as_files_say(name: str, num_gpus: int | None) -> None:
    assert read_job(JOBS / name, with_model=False).num_gpus == num_gpus


STRATEGIES = {
    "dense": (DENSE_MODEL, Strategy(tp=4, pp=2, dp=4, dp_shard=4, num_microbatches=4)),
    "chunks": (
        DENSE_MODEL,
        Strategy(
            tp=2,
            cp=2,
            pp=2,
            vpp=2,
            dp=4,
            dp_shard=4,
            num_microbatches=8,
            micro_batch_size=2,
            schedule=Schedule.INTERLEAVED,
        ),
    ),
    "experts": (
        MOE_MODEL,
        Strategy(
            tp=2,
            ep=8,
            pp=2,
            dp=8,
            dp_shard=8,
            num_microbatches=4,
            recompute=Recompute(
                granularity=RecomputeGranularity.SELECTIVE, modules=("moe_act", "layernorm")
            ),
        ),
    ),
    "replicated": (
        DENSE_MODEL,
        Strategy(
            tp=8,
            dp=4,
            dp_shard=4,
            zero_stage=0,
            num_microbatches=2,
            recompute=Recompute(
                granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1
            ),
        ),
    ),
    "fsdp": (DENSE_MODEL, Strategy(tp=1, dp=16, dp_shard=16, zero_stage=3, num_microbatches=2)),
}
FEATURES = Features(
    cuda_graph=CudaGraph.PARTIAL,
    moe_dispatcher=MoeDispatcher.DEEPEP,
    gradients=GradientRecipe.NARROW,
    allocator=Allocator.CACHING,
)


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def same_degrees(job: Job, strategy: Strategy, *, experts: bool) -> None:
    degrees = job.degrees
    names = ["tp", "cp", "pp", "vpp", "micro_batch_size", "zero_stage", "dp_replicate"]
    names += ["ep", "etp"] if experts else []
    for name in names:
        assert getattr(degrees, name) == getattr(strategy, name), name
    assert degrees.recompute is strategy.recompute.granularity
    assert degrees.recompute_modules == strategy.recompute.modules


@pytest.mark.parametrize("case", STRATEGIES)
@pytest.mark.parametrize("release", ["0.17.1", "0.19.2"])
def test_megatron_arguments_read_back_as_the_plan(tmp_path: Path, case: str, release: str) -> None:
    model, strategy = STRATEGIES[case]
    run = run_of(strategy, FEATURES, precision=Precision.FP8, optimizer=Optimizer.ADAM)
    if strategy.zero_stage == 1:
        run = run_of(strategy, FEATURES, precision=Precision.FP8, optimizer=Optimizer.ADAM_BF16)
    plan = plan_of(strategy, model, run=run)
    text = argument_file(plan, release).replace(
        "--swiglu", f"--swiglu --vocab-size {model.vocab_size}", 1
    )
    job = read_job(saved(tmp_path, "megatron_args.sh", text))
    same_degrees(job, strategy, experts=model.moe is not None)
    assert job.degrees.sequence_parallel == (strategy.tp > 1)
    layout = sorted(plan.placement.pipeline_layout.chunks, key=lambda c: (c.chunk, c.stage))
    sizes = tuple(chunk.num_layers for chunk in layout)
    assert job.degrees.layers_per_chunk in {sizes, ()}
    assert isinstance(job.model, ModelSpec)
    named = {"name": model.name, "source": model.source}
    assert job.model.model_copy(update=named) == model
    assert (job.run.global_batch_size, job.run.seq_len) == (run.global_batch_size, run.seq_len)
    assert (job.run.precision, job.run.optimizer) == (run.precision, run.optimizer)
    expected = FEATURES
    if model.moe is None:
        expected = expected.model_copy(update={"moe_dispatcher": MoeDispatcher.ALLGATHER})
    assert job.run.features == expected


@pytest.mark.parametrize(("case", "zero"), [("chunks", 1), ("fsdp", 3), ("replicated", 0)])
def test_torchtitan_settings_read_back_as_the_plan(tmp_path: Path, case: str, zero: int) -> None:
    model, strategy = STRATEGIES[case]
    assert strategy.zero_stage == zero
    run = run_of(strategy, Features(compile=True), framework="torchtitan")
    job = read_job(saved(tmp_path, "run.toml", toml_file(plan_of(strategy, model, run=run))))
    if zero == 0:  # DDP's replicas are copies that share nothing
        assert job.degrees.dp_replicate == strategy.dp
        strategy = replace(strategy, dp_shard=1, dp_replicate=strategy.dp)
    same_degrees(job, replace(strategy, recompute=job_recompute(strategy)), experts=False)
    assert job.num_gpus == strategy.num_gpus
    assert job.run.global_batch_size == run.global_batch_size
    assert job.run.features == run.features


def job_recompute(strategy: Strategy) -> Recompute:
    """Recomputation as settings tell it: by name alone."""
    return Recompute(granularity=strategy.recompute.granularity)


def test_deepspeed_settings_read_back_as_the_plan(tmp_path: Path) -> None:
    strategy = Strategy(tp=1, dp=16, dp_shard=16, zero_stage=3, num_microbatches=2)
    run = run_of(strategy, framework="deepspeed", optimizer=Optimizer.MUON)
    job = read_job(saved(tmp_path, "ds.json", json_file(plan_of(strategy, run=run))))
    same_degrees(job, strategy, experts=False)
    assert (job.num_gpus, job.run.global_batch_size) == (16, run.global_batch_size)
    assert job.run.optimizer is Optimizer.MUON
    features = run.features.model_copy(update={"allocator": Allocator.CACHING})
    assert job.run.features == features


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("Et*3|(tt|)*3tmL", (3, 2, 2, 2, 1)),
        ("E|t|t|L", (0, 1, 1, 0)),
        ("Etttt|ttttL", (4, 4)),
        ("E t,t | t L |", (2, 1)),
        ("Ex|L", ()),
        ("(" * 30, ()),
        ("(t|)*99999", ()),
        ("t*99999", ()),
    ],
)
def test_layouts(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_layout(text) == sizes


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("[0]*3+[1]*2", (0, 0, 0, 1, 1)),
        ("([0]+[1])*2", (0, 1, 0, 1)),
        ("[0,1]*2+[1]", (0, 1, 0, 1, 1)),
        ("[1]*99999", ()),
        ("[2]", ()),
        ("[1]*3)", ()),
        ("((((((((((((1", ()),
        ("__import__('os')", ()),
    ],
)
def test_layer_frequencies(text: str, kinds: tuple[int, ...]) -> None:
    assert parse_frequency(text) == kinds


def options(folder: Path, text: str) -> Path:
    return saved(folder, "run.sh", f"python pretrain_gpt.py --tensor-model-parallel-size 2 {text}")


SHAPE = (
    "--num-layers 24 --hidden-size 2048 --num-attention-heads 16 --seq-length 4096 --vocab-size 9"
)


@pytest.mark.parametrize(
    ("text", "sizes", "vpp"),
    [
        (
            "--decoder-first-pipeline-num-layers 4 --decoder-last-pipeline-num-layers 2",
            (4, 9, 9, 2),
            1,
        ),
        ("--decoder-last-pipeline-num-layers 3", (7, 7, 7, 3), 1),
        ("--num-virtual-stages-per-pipeline-rank 2", (), 2),
        ("--num-layers-per-virtual-pipeline-stage 3", (), 2),
        ("--pipeline-model-parallel-layout 'Et*5|(t*6|)*2t*7L'", (5, 6, 6, 7), 1),
    ],
)
def test_uneven_pipelines(tmp_path: Path, text: str, sizes: tuple[int, ...], vpp: int) -> None:
    job = read_job(options(tmp_path, f"{SHAPE} --pipeline-model-parallel-size 4 {text}"))
    assert (job.degrees.layers_per_chunk, job.degrees.vpp) == (sizes, vpp)


def test_embedding_and_loss_count_as_layers(tmp_path: Path) -> None:
    shape = SHAPE.replace("--num-layers 24", "--num-layers 22")
    flags = "--account-for-embedding-in-pipeline-split --account-for-loss-in-pipeline-split"
    job = read_job(options(tmp_path, f"{shape} --pipeline-model-parallel-size 4 {flags}"))
    assert job.degrees.layers_per_chunk == (5, 6, 6, 5)


@pytest.mark.parametrize(
    ("text", "field", "found"),
    [
        ("--pipeline-model-parallel-size $PP", "--pipeline-model-parallel-size", "'${PP}'"),
        ("--micro-batch-size 0", "--micro-batch-size", "'0'"),
        ("--micro-batch-size", "--micro-batch-size", "nothing"),
        ("--recompute-granularity fully", "--recompute-granularity", "'fully'"),
        ("--optimizer-cpu-offload", "--optimizer-cpu-offload", "--optimizer-cpu-offload"),
        ("--use-tp-pp-dp-mapping", "--use-tp-pp-dp-mapping", "--use-tp-pp-dp-mapping"),
        ("--hybrid-layer-pattern M*", "--hybrid-layer-pattern", "--hybrid-layer-pattern"),
        ("--num-experts 8 --moe-layer-freq [1]*3", "--moe-layer-freq", "3 of them"),
        ("--num-experts 8 --moe-layer-freq 'os.system(1)'", "--moe-layer-freq", "'os.system(1)'"),
        ("--pipeline-model-parallel-size 4 --num-layers-per-virtual-pipeline-stage 5",
         "--num-layers-per-virtual-pipeline-stage", "5"),
        ("--pipeline-model-parallel-size 3 --pipeline-model-parallel-layout 'Et|tL'",
         "--pipeline-model-parallel-layout", "2 stages"),
        ("--pipeline-model-parallel-size 4 --decoder-first-pipeline-num-layers 4",
         "--decoder-first-pipeline-num-layers", "20 layers for them"),
        ("--group-query-attention --num-query-groups 3", "attention.num_kv_heads", "3: 16 % 3 = 1"),
        ("--fp8-format hybrid --fp8-recipe fast", "--fp8-recipe", "'fast'"),
        ("--attention-dropout none", "--attention-dropout", "'none'"),
        ("--window-size all", "--window-size", "'all'"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_costed(tmp_path: Path, text: str, field: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        read_job(options(tmp_path, f"{SHAPE} {text}"))
    assert (field, found) in [(p.field, p.found) for p in caught.value.problems]
    assert all(problem.line == 1 for problem in caught.value.problems)


def test_a_model_named_beside_the_script_spares_its_own(tmp_path: Path) -> None:
    path = options(tmp_path, SHAPE.replace("--vocab-size 9", ""))
    with pytest.raises(InputError, match="--vocab-size"):
        read_job(path)
    assert read_job(path, with_model=False).model is None


BATCH_OF_TEN = """{"train_batch_size": 10, "gradient_accumulation_steps": 1,
"train_micro_batch_size_per_gpu": 4}"""


@pytest.mark.parametrize(
    ("name", "text", "line", "expected"),
    [
        ("a.toml", "[parallelism]\ntensor_parallel_degree = 0\n", 2, "a whole number >= 1"),
        ("a.toml", "[parallelism]\ntensor_parallel_degree = \n", 2, "valid TOML"),
        (
            "a.toml",
            "[activation_checkpoint]\nmode = 'memory_budget'\n",
            2,
            "none, selective or full",
        ),
        (
            "a.toml",
            "[parallelism]\npipeline_parallel_degree = 2\npipeline_parallel_schedule = 'ZBV'\n",
            3,
            "one of 1F1B, GPipe, Interleaved1F1B, LoopedBFS",
        ),
        ("a.json", '{\n"zero_optimization": {"stage": 4}}', 2, "0 to 3"),
        (
            "a.json",
            '{"zero_optimization": {\n"offload_optimizer": {"device": "cpu"}}}',
            2,
            "none",
        ),
        (
            "a.json",
            BATCH_OF_TEN,
            1,
            "a multiple of micro-batch size times accumulation steps",
        ),
        ("a.json", "[]", 1, "fields and values (a mapping)"),
        ("a.sh", "echo hello\n", None, "a launch script of Megatron-LM or torchtitan"),
        (
            "a.sh",
            "echo --tensor-model-parallel-size\n",
            None,
            "a command with Megatron-LM's options",
        ),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, text: str, line: int | None, expected: str
) -> None:
    problems = refused(saved(tmp_path, name, text))
    assert (line, expected) in [(problem.line, problem.expected) for problem in problems]


def refused(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read_job(path)
    return caught.value.problems


def test_the_kind_may_be_named(tmp_path: Path) -> None:
    path = saved(
        tmp_path, "args.txt", "--parallelism.tensor_parallel_degree 4 --training.seq_len 1"
    )
    job = read_job(saved(tmp_path, "a.sh", f"run {path.read_text()}"), JobFormat.TORCHTITAN)
    assert (job.degrees.tp, job.run.seq_len) == (4, 1)
