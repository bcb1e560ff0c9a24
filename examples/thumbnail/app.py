"""Makes a thumbnail of each picture that arrives in an S3 bucket, beside it in the same bucket.

Subscribe it to the bucket's ObjectCreated events, or send `event.json` by hand. Where S3 is decides the SDK, by
AWS_ENDPOINT_URL_S3 when it is set, so the same file runs against the service and against a local S3.
"""

import io
from typing import Any
from urllib.parse import unquote_plus

import boto3
from PIL import Image, ImageOps

FOLDER = "thumbnails/"
SIZE = (128, 128)

# Made once, at import: every invocation of this sandbox uses its connections again.
s3 = boto3.client("s3")


def handler(event: dict[str, Any], _context: object) -> dict[str, list[str]]:
    """Scale the picture of each record; the answer names the objects written."""
    written = [_make_thumbnail(record["s3"]) for record in event["Records"]]
    return {"thumbnails": [key for key in written if key is not None]}


def _make_thumbnail(record: dict[str, Any]) -> str | None:
    bucket = record["bucket"]["name"]
    # Keys in events are encoded as in an HTML form: "red kite.png" arrives as "red+kite.png".
    key = unquote_plus(record["object"]["key"])
    if key.startswith(FOLDER):
        return None  # our own output: without this the function would call itself for ever
    source = s3.get_object(Bucket=bucket, Key=key)
    picture, content_type = _scaled(source["Body"].read())
    s3.put_object(Bucket=bucket, Key=FOLDER + key, Body=picture, ContentType=content_type)
    print(f"{bucket}/{key}: {len(picture)} bytes")
    return FOLDER + key


def _scaled(data: bytes) -> tuple[bytes, str]:
    with Image.open(io.BytesIO(data)) as original:
        kind = original.format or "PNG"
        upright = ImageOps.exif_transpose(original)
        upright.thumbnail(SIZE)
        output = io.BytesIO()
        upright.save(output, kind)
    return output.getvalue(), Image.MIME[kind]
