"""Options about several sites on the command line: files of one's own, exit codes, what is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from placer.cli import app as app_module
from placer.cost.across.quality import PUBLISHED

CLUSTER = """\
name: pair
accelerator: h100_sxm
scale_up: {size: 8}
scale_out:
  link: infiniband
  nic: 400 Gbit/s
  levels: [{name: hall, latency: 3 us}]
sites: [{name: east, size: 4 hosts}, {name: west, size: 4 hosts}]
links: [{between: [east, west], bandwidth: 1.6 Tbit/s, distance: 80 km}]
"""
JOB = "name: beside\nevaluation: [{name: evals, gpus: 8, weights_every: 1 h}]\n"
BATCH = ("--global-batch-size", "64", "--seq-len", "4096")


@pytest.fixture
def cluster(tmp_path: Path) -> str:
    path = tmp_path / "pair.yaml"
    path.write_text(CLUSTER)
    return str(path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["placer", *arguments])
    with pytest.raises(SystemExit) as caught:
        app_module.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_a_plan_with_a_job_and_a_quality_of_ones_own(
    cluster: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job, quality = tmp_path / "job.yaml", tmp_path / "quality.yaml"
    job.write_text(JOB)
    quality.write_text(PUBLISHED.read_text().replace("-0.0019, -0.0019", "-0.0019, 0.1"))
    asked = ("--cross-site", "diloco", "--framework", "any", "--quality", str(quality))
    code = run(
        monkeypatch, "plan", "llama-3.1-8b", cluster, *BATCH, *asked, "--job", str(job), "--json"
    )
    assert code == 0
    plan = json.loads(capsys.readouterr().out)
    (option,) = [o for o in plan["cross_site_options"] if len(o["sites"]) == 2]
    assert option["plan"]["loss_change"] > 0.02
    assert [work["name"] for work in plan["side_work"]["works"]] == ["evals"]


def test_a_job_that_does_not_fit_is_exit_3(
    cluster: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(JOB.replace("gpus: 8", "gpus: 800"))
    assert run(monkeypatch, "plan", "llama-3.1-8b", cluster, *BATCH, "--job", str(job)) == 3
    assert "evals wants 800 accelerators at east or west" in capsys.readouterr().err


def test_a_map_is_drawn(
    cluster: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    svg, markdown = tmp_path / "map.svg", tmp_path / "map.md"
    links = ("--bandwidth", "100 Gbit/s", "--distance", "80 km", "--cross-site", "none")
    files = ("--svg", str(svg), "--markdown", str(markdown))
    assert run(monkeypatch, "crossover", "llama-3.1-8b", cluster, *BATCH, *links, *files) == 0
    assert "one site 1.00x" in capsys.readouterr().out
    assert svg.read_text().startswith("<svg")
    assert "| one site 1.00x |" in markdown.read_text()


def test_a_site_without_a_link_is_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text("".join(line for line in CLUSTER.splitlines(True) if "links" not in line))
    assert run(monkeypatch, "plan", "llama-3.1-8b", str(path)) == 2
    assert "pair.yaml:8" in (said := capsys.readouterr().err)
    assert "sites[1]: expected a link, direct or not, to east" in said
