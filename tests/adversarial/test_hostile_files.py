"""Files made to break parsers: each is refused with its file named, or accepted, and soon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from adversarial.targets import REFUSALS, TARGETS

from placer.importers.clusters import importing

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
)
HOSTS = "Host,Rack,Pod,Site\n"
RANKS = "# Rank 0 on a device 0\n# Collective test starting: all_reduce_perf\n"
GPU_NODE = {
    "metadata": {"name": "n" * 300},
    "status": {"allocatable": {"nvidia.com/gpu": "9" * 500}},
}

REFUSED = [
    ("plan", "[]", "a plan of schema"),
    ("plan", "9" * 5000, "thousands of digits"),
    ("plan", '{"a": ' + "1" * 5000 + "}", "thousands of digits"),
    ("plan", "[" * 100_000, "nested too deeply"),
    ("plan", '{"schema": NaN}', "placer.plan/v1"),
    ("plan", '{"\\ud800": 1}', "a plan of schema"),
    ("cluster", BOMB, "aliases expanded"),
    ("topograph", BOMB, "aliases expanded"),
    ("model", "[" * 100_000, "nested levels"),
    ("topograph", "{a: " * 100_000, "nested levels"),
    ("cluster", "- " * 100_000, "nested levels"),
    ("cluster", "name: " + "9" * 400, "at most 40 characters"),
    ("csv", HOSTS + "".join(f"h{i},r{i},p{i},s{i}\n" for i in range(200)), "at most 64 sites"),
    ("csv", "host\nn" + "9" * 5000 + "\nm1\n", "1 to 1000 characters"),
    ("csv", "host,rack\nnan,r1\nn1,r1\n", "safe host names, got 'nan'"),
    ("slurm", "SwitchName=s0 Nodes=" + "[1-2]" * 40, "at most 131072 names"),
    ("slurm", "SwitchName=s0 Nodes=a[1-131072]b[0-9]", "at most 131072 names"),
    (
        "slurm",
        "".join(f"SwitchName=s{i} Switches=s{i + 1}\n" for i in range(5000))
        + "SwitchName=s5000 Nodes=a1",
        "at most 14 tiers",
    ),
    ("kubernetes", '{"items":' + "[" * 3000 + "]" * 3000 + "}", "nested levels"),
    ("kubernetes", json.dumps({"items": [GPU_NODE]}), "a multiple of 18 hosts"),
    ("shell", "A=x\n" + "A=$A$A\n" * 60, "characters expanded"),
    ("shell", "A=(x)\n" + "A=(${A[@]} ${A[@]})\n" * 60, "characters expanded"),
    ("shell", "if true; then " * 2_000, "nested blocks"),
    ("shell", "(" * 5_000, "nested blocks"),
    ("shell", "$((" * 50_000, "a ) that ends it"),
    ("shell", "for i in 1 2; do " * 21_000, "at most 100000 words"),
    ("torchtitan", "a=" + "[" * 50_000, "thousands of nested levels"),
    ("torchtitan", "a=" + "9" * 5000, "thousands of digits"),
    ("torchtitan", "a." * 20_000 + "b=1", "20000 dots"),
    ("deepspeed", '{"a":' * 50_000, "nested levels"),
    ("deepspeed", '{"train_batch_size": ' + "9" * 400 + "}", "at most 40 characters"),
    ("nccl", RANKS + "8 1 f s -1 1e400\n", "rows of sizes and times"),
    ("gemm", 'm,n,k,tflops\n"1,1,1,1\n', "comma-separated values"),
    ("gemm", '"', "comma-separated values"),
    ("gemm", "m,n,k,tflops\n1e18,1,1,1\n", "a whole number"),
    ("runs", 'id,gpus\n"', "a header with the columns"),
    ("configuration", "tp: 1\npp: 1048576\n", "no pipeline chunk is empty"),
]
ACCEPTED = [
    ("shell", "echo \u2028\u00a0\u3000 A=(\u2003)\n"),
    ("shell", "echo $((2**99999**999)) $((9999999999999999999999**9999)) $((1/0)) $((1<<-1))\n"),
    ("shell", "f() { f; f; }\nf\nwhile true; do echo a; done\n"),
    ("csv", HOSTS + "a1,nan,inf,s\na2,NaN,.inf,s\n"),
    ("csv", HOSTS + "".join(f"h{i},@{chr(0x4E00 + i)},p,s\n" for i in range(3000))),
    (
        "slurm",
        "".join(f"SwitchName=s{i} Nodes=a{i}\n" for i in range(5000))
        + "SwitchName=t Switches=s[0-4999]",
    ),
]


@pytest.mark.parametrize(("name", "text", "said"), REFUSED)
def test_refused(name: str, text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / f"hostile{TARGETS[name].suffix}"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(REFUSALS) as caught:
        TARGETS[name].use(path)
    assert said in str(caught.value)
    if name != "configuration":
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_accepted(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / f"odd{TARGETS[name].suffix}"
    path.write_text(text, encoding="utf-8")
    TARGETS[name].use(path)


def test_a_cluster_too_long_to_read_back_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MAX_BYTES", 1000)
    path = tmp_path / "topology.conf"
    path.write_text("".join(f"BlockName=b{i} Nodes=x{i}-{'y' * 40}{i}z\n" for i in range(40)))
    with pytest.raises(REFUSALS, match="1000 B of text describe"):
        TARGETS["slurm"].use(path)
