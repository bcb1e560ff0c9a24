"""What the commands that build zips print."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.contents import Contents
from layers.layer import Built
from layers.limits import UPLOAD_LIMIT_BYTES
from runtime_api.cli.output.builds import print_built


def test_a_path_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are markup elsewhere."""
    contents = Contents("function", "1.0", ["3.13"], "x86_64")
    print_built(Built(Path("out[/x]/fn[id].zip"), contents, 1, 1, 1, []), "aws")
    assert "out[/x]/fn[id].zip" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "stored"),
    [("function", "--s3-bucket BUCKET --s3-key big.zip"), ("wrapper", "--content S3Bucket=BUCKET,S3Key=big.zip")],
)
def test_a_large_zip_goes_by_way_of_s3(capsys: pytest.CaptureFixture[str], kind: str, stored: str) -> None:
    """Functions and layers name its place each in their way."""
    zipped_bytes = UPLOAD_LIMIT_BYTES + 1
    print_built(Built(Path("out/big.zip"), Contents(kind, "1.0", ["3.13"]), 1, zipped_bytes, 1, []), "aws lambda")
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "Larger than 50.0 MB: Lambda takes it by way of S3 only.",
        "aws s3 cp out/big.zip s3://BUCKET/",
        f"aws lambda {stored}",
    ]
