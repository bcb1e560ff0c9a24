"""The thumbnail example, run by `pilotlight run` against an S3 on this machine."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

FOLDER = Path(__file__).parents[2] / "examples" / "thumbnail"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))
KEY = "birds/red kite!.png"


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """An S3 of our own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3(s3_url: str) -> Any:  # noqa: ANN401  (boto3 makes the class)
    """Its client, with the bucket of the example's event in place."""
    client = boto3.client(
        "s3", endpoint_url=s3_url, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    client.create_bucket(Bucket="pictures")
    return client


def _png(width: int, height: int) -> bytes:
    output = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(output, "PNG")
    return output.getvalue()


def _run(s3_url: str, event: str) -> subprocess.CompletedProcess[str]:
    options = ["--timeout", "20", "--env", f"AWS_ENDPOINT_URL_S3={s3_url}"]
    return subprocess.run(
        [PILOTLIGHT, "run", str(FOLDER), *options, "-e", event], capture_output=True, text=True, check=False
    )


def test_scales_the_picture_of_the_event(s3_url: str, s3: Any) -> None:  # noqa: ANN401
    """A wide picture under an encoded key becomes one of 128 pixels beside it, of the same kind."""
    s3.put_object(Bucket="pictures", Key=KEY, Body=_png(640, 320))
    done = _run(s3_url, f"@{FOLDER / 'event.json'}")
    assert (done.returncode, done.stdout) == (0, json.dumps({"thumbnails": [f"thumbnails/{KEY}"]}) + "\n"), done.stderr
    thumbnail = s3.get_object(Bucket="pictures", Key=f"thumbnails/{KEY}")
    with Image.open(io.BytesIO(thumbnail["Body"].read())) as picture:
        assert (picture.format, picture.size) == ("PNG", (128, 64))
    assert thumbnail["ContentType"] == "image/png"


def test_leaves_its_own_output_alone(s3_url: str) -> None:
    """An event of a thumbnail just written makes no thumbnail of a thumbnail."""
    event = {"Records": [{"s3": {"bucket": {"name": "pictures"}, "object": {"key": "thumbnails/a.png"}}}]}
    assert json.loads(_run(s3_url, json.dumps(event)).stdout) == {"thumbnails": []}


def test_a_missing_picture_is_a_function_error(s3_url: str, s3: Any) -> None:  # noqa: ANN401
    """An object that is gone by now is reported as the SDK words it."""
    event = {"Records": [{"s3": {"bucket": {"name": "pictures"}, "object": {"key": "gone.png"}}}]}
    done = _run(s3_url, json.dumps(event))
    assert (done.returncode, json.loads(done.stdout)["errorType"]) == (1, "NoSuchKey")
