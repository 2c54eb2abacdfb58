from __future__ import annotations

import json

import pytest

from placer.cli.schema import SchemaName, schema


@pytest.mark.parametrize("document", SchemaName)
def test_prints_a_json_schema(document: SchemaName, capsys: pytest.CaptureFixture[str]) -> None:
    schema(document)
    out, err = capsys.readouterr()
    assert err == ""
    parsed = json.loads(out)
    assert parsed["type"] == "object"
    assert parsed["additionalProperties"] is False
    assert parsed["required"]
