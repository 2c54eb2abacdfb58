"""Everything placer reads, as functions of a file's bytes: for fuzzers and for mutations.

A parser passes when it returns or raises what the command line maps to exit 2, 3 or 4; whatever it
accepts is used as a command would use it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from placer import api
from placer.check.validator import check_plan
from placer.cost.constants import load_constants
from placer.errors import InfeasibleError, InputError, TimeLimitError
from placer.importers.clusters import ClusterFormat, ClusterOptions, import_cluster
from placer.importers.jobs import JobFormat
from placer.importers.model_source import load_model
from placer.importers.shell import read_script
from placer.plan.ranks import expand_ranks
from placer.plan.serialise import load_plan, plan_to_json
from placer.spec.catalogue import CatalogueKind, catalogue_folder
from placer.spec.cluster import ClusterSpec
from placer.spec.source_text import read_text
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology
from placer.topology.capacity import cells_per_domain, pods
from placer.validate.calibration import apply, load_calibration
from placer.validate.gemm_table import read_gemm_table
from placer.validate.nccl_output import read_nccl_output
from placer.validate.table import read_rows
from placer.validate.validation import validate
from placer.workload.params import count_params

REFUSALS: Final = (InputError, InfeasibleError, TimeLimitError)
"""What a command line maps to exit 2, 3 and 4: the only exceptions bad input may end in."""

DATA: Final = Path(__file__).parent.parent / "data"
CLUSTERS: Final = DATA / "importers" / "clusters"
JOBS: Final = DATA / "importers" / "jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser: the ending of its files, files it accepts, and how they are read and used."""

    suffix: str
    seeds: Callable[[], tuple[bytes, ...]]
    use: Callable[[Path], object]

    def survives(self, data: bytes, folder: Path) -> bool:
        """Whether the parser accepts a file; refusals are False, anything else is raised."""
        path = folder / f"input{self.suffix}"
        path.write_bytes(data)
        try:
            self.use(path)
        except REFUSALS:
            return False
        return True


def use_model(path: Path) -> None:
    """A model or config.json: read, counted, shown."""
    from placer.report.show_model import render_model

    model, _ = load_model(str(path))
    count_params(model)
    render_model(model)


def use_cluster(path: Path) -> None:
    """A cluster: read, built, counted, shown."""
    from placer.report.show_cluster import render_cluster

    spec = load_document(path, ClusterSpec)
    topology = build_topology(spec)
    pods(topology)
    cells_per_domain(topology, 2)
    render_cluster(spec)


def use_configuration(path: Path) -> None:
    """A configuration: read, then costed on a small cluster."""
    job = api.read_job(path)
    api.estimate(job.model or "llama-3.1-8b", "lab-8x-h100", job.configuration, job.run)


def use_calibration(path: Path) -> None:
    """A calibration: read and put into the constants."""
    constants = load_constants()
    apply(constants, load_calibration(path, constants))


def use_plan(path: Path) -> None:
    """A plan: read, checked, its ranks expanded where it holds, written again."""
    plan = load_plan(path)
    if not check_plan(plan):
        expand_ranks(plan)
    plan_to_json(plan)


def importer(kind: ClusterFormat, accelerator: str = "h100_sxm") -> Callable[[Path], None]:
    """An importer of clusters; what it writes must be a cluster that builds."""
    options = ClusterOptions(
        accelerator=accelerator, nic="400 Gbit/s", site_link="400 Gbit/s, 80 km"
    )

    def use(path: Path) -> None:
        text = import_cluster(kind, [path], options)
        written = path.with_name("written.yaml")
        written.write_text(text, encoding="utf-8")
        use_written(written)

    return use


def use_written(path: Path) -> None:
    """What placer wrote itself; refusing it is a defect."""
    try:
        build_topology(load_document(path, ClusterSpec))
    except REFUSALS as error:
        raise AssertionError(f"placer refuses what it wrote: {error}") from error


def use_shell(path: Path) -> None:
    """A shell script, followed without running it."""
    read_script(read_text(path))


def job_reader(kind: JobFormat) -> Callable[[Path], None]:
    """A job: read, written as a configuration of our own, and read back."""

    def use(path: Path) -> None:
        job = api.read_job(path, kind=kind, num_gpus=64)
        written = path.with_name("job.yaml")
        written.write_text(api.job_document(job, path.name), encoding="utf-8")
        try:
            again = api.read_job(written)
        except REFUSALS as error:
            raise AssertionError(f"placer refuses what it wrote: {error}") from error
        assert (again.configuration, again.run) == (job.configuration, job.run)

    return use


def use_runs(path: Path) -> None:
    """Measured runs: every row costed or skipped."""
    validate(path.name, read_rows(path), load_constants(), every_row=True)


def files_in(folder: Path, pattern: str) -> Callable[[], tuple[bytes, ...]]:
    """Seeds out of the tests' data."""
    return lambda: tuple(path.read_bytes() for path in sorted(folder.glob(pattern)))


def catalogue(kind: CatalogueKind) -> Callable[[], tuple[bytes, ...]]:
    """Seeds out of the catalogue."""
    return files_in(catalogue_folder(kind), "*.yaml")


@cache
def sample_plan() -> bytes:
    """A small estimated plan as JSON."""
    plan = api.estimate("llama-3.1-8b", "lab-8x-h100", api.Configuration(tp=2, pp=2))
    return plan_to_json(plan).encode()


def few_runs() -> tuple[bytes, ...]:
    """The head of a shipped table, in pieces of three rows."""
    table = Path(api.__file__).parent.parent / "data" / "measured_runs.csv"
    header, *rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
    return tuple((header + "".join(rows[i : i + 3])).encode() for i in (0, 40, 80, 120))


CONFIGURATIONS: Final = (
    (
        b"tp: 2\npp: 2\nvpp: 2\ndp: 2\nmicro_batch_size: 1\nrecompute: selective\n"
        b"run:\n  global_batch_size: 64\n  seq_len: 4096\n  precision: bf16\n"
        b"  features:\n    cuda_graph: none\n    dp_overlap: true\nmodel: llama-3.1-8b\n"
    ),
    b"tp: 4\ncp: 2\nep: 1\nzero_stage: 3\nrun: {global_batch_tokens: 4M, framework: torchtitan}\n",
)
CALIBRATION: Final = (
    b"schema: placer.calibration/v1\nderates: {clock: 0.9, straggler: 1.05}\nconstants:\n"
    b"  compute.sustained_ampere:\n    value: 0.8\n    was: 0.88\n    source: measured\n"
)
GEMMS: Final = (
    b"m,n,k,precision,tflops,time_us\n8192,8192,8192,bf16,600,\n4096,4096,1024,fp8,,25.5\n"
)
NCCL: Final = (
    b"# Collective test starting: all_reduce_perf\n"
    b"# nThread 1 nGpus 1 minBytes 8 maxBytes 8589934592 step: 2(factor) warmup iters: 5\n"
    b"#  Rank  0 Group  0 Pid  11 on   node01 device  0 [0000:1b:00] NVIDIA H100\n"
    b"#  Rank  1 Group  0 Pid  12 on   node02 device  1 [0000:43:00] NVIDIA H100\n"
    b"#       size         count      type   redop    root     time   algbw   busbw #wrong\n"
    b"     1048576        262144     float     sum      -1    61.32   17.10   32.06      0\n"
    b"    16777216       4194304     float     sum      -1   152.10  110.30  206.80      0\n"
    b"# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 123.4\n"
)

TARGETS: Final[dict[str, Target]] = {
    "model": Target(suffix=".yaml", seeds=catalogue(CatalogueKind.MODEL), use=use_model),
    "cluster": Target(suffix=".yaml", seeds=catalogue(CatalogueKind.CLUSTER), use=use_cluster),
    "configuration": Target(suffix=".yaml", seeds=lambda: CONFIGURATIONS, use=use_configuration),
    "calibration": Target(suffix=".yaml", seeds=lambda: (CALIBRATION,), use=use_calibration),
    "plan": Target(suffix=".json", seeds=lambda: (sample_plan(),), use=use_plan),
    "huggingface": Target(
        suffix=".json", seeds=files_in(DATA / "huggingface", "*/*.json"), use=use_model
    ),
    "slurm": Target(
        suffix=".conf",
        seeds=files_in(CLUSTERS, "slurm-*"),
        use=importer(ClusterFormat.SLURM),
    ),
    "topograph": Target(
        suffix=".yaml",
        seeds=files_in(CLUSTERS, "topograph-*"),
        use=importer(ClusterFormat.TOPOGRAPH),
    ),
    "kubernetes": Target(
        suffix=".json",
        seeds=files_in(CLUSTERS, "kubernetes-*"),
        use=importer(ClusterFormat.KUBERNETES, "gb200"),
    ),
    "ibnetdiscover": Target(
        suffix=".txt",
        seeds=files_in(CLUSTERS, "ibnetdiscover-*"),
        use=importer(ClusterFormat.IBNETDISCOVER),
    ),
    "nvidia-smi": Target(
        suffix=".txt",
        seeds=files_in(CLUSTERS, "nvidia-smi-*"),
        use=importer(ClusterFormat.NVIDIA_SMI),
    ),
    "csv": Target(
        suffix=".csv", seeds=files_in(CLUSTERS, "hosts.csv"), use=importer(ClusterFormat.CSV)
    ),
    "nccl": Target(suffix=".txt", seeds=lambda: (NCCL,), use=read_nccl_output),
    "gemm": Target(suffix=".csv", seeds=lambda: (GEMMS,), use=read_gemm_table),
    "shell": Target(suffix=".sh", seeds=files_in(JOBS, "*.s*h"), use=use_shell),
    "megatron": Target(
        suffix=".sh", seeds=files_in(JOBS, "*.s*h"), use=job_reader(JobFormat.MEGATRON)
    ),
    "torchtitan": Target(
        suffix=".toml",
        seeds=files_in(JOBS, "torchtitan-*.toml"),
        use=job_reader(JobFormat.TORCHTITAN),
    ),
    "deepspeed": Target(
        suffix=".json", seeds=files_in(JOBS, "deepspeed-*"), use=job_reader(JobFormat.DEEPSPEED)
    ),
    "runs": Target(suffix=".csv", seeds=few_runs, use=use_runs),
}
