from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from placer.cli.app import main
from placer.cli.show import show
from placer.spec.catalogue import CatalogueKind, catalogue_names
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec


@pytest.mark.parametrize("kind", CatalogueKind)
def test_shows_everything_in_the_catalogue(
    kind: CatalogueKind, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in catalogue_names(kind):
        show(name)
        out, err = capsys.readouterr()
        assert out.splitlines()[0] == name
        assert err == ""


def test_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    show()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "models:"
    assert "  llama-3.1-405b" in lines
    assert "  dgx-h100-superpod-16k" in lines


def test_lists_the_catalogue_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert listed == {f"{kind}s": list(catalogue_names(kind)) for kind in CatalogueKind}


def test_json_reads_back_as_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, spec in (("deepseek-v3", ModelSpec), ("gb200-superpod-576", ClusterSpec)):
        show(name, as_json=True)
        first = capsys.readouterr().out
        spec.model_validate_json(first)
        copy = tmp_path / f"{name}.json"
        copy.write_text(first)
        show(str(copy), as_json=True)
        assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hidden_size: 8\nnum_layer: 3\n", "Did you mean num_layers?"),
        ("name: x\naccelerator: h100_sxm\nscale_out:\n  nic: 400\n", "no unit"),
        ("&a [*a]", "expected an anchor"),
    ],
)
def test_a_wrong_file_exits_2_and_names_the_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
    words: str,
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(content)
    monkeypatch.setattr(sys, "argv", ["placer", "show", str(path)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert f"{path}:" in err


def test_a_cluster_is_priced_where_there_are_prices(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("rent_per_hour: {h100_sxm: 2}")
    show("dgx-h100-superpod-1k", prices=prices)
    out = capsys.readouterr().out
    assert "an hour       2,048 USD" in out
    assert "48 switches" in out
