"""What a destination or a dead-letter target names: the forms people may write, read into one struct for each kind.

    arn:aws:lambda:…:function:orders   orders   orders:live       a function of this platform
    file:results.jsonl   ./results.jsonl   /var/log/results.jsonl   a file of JSON lines
    http://…   https://…                                          a CloudEvents receiver
    arn:aws:sqs:…   arn:aws:sns:…   arn:aws:events:…   arn:aws:s3:…   a queue, a topic, an event bus, a bucket

Source: the Developer Guide's page invocation-async-retain-records; files, URLs and plain names are ours.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from runtime_api.protocol.function.function_name import FunctionReference, parse_reference
from runtime_api.protocol.function.invalid_function import InvalidFunction
from runtime_api.protocol.invoke.errors import InvokeError

_LIMIT = 350
_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>\d{12}|):(?P<resource>\S+)"
)
_QUEUE_OR_TOPIC = re.compile(r"[a-zA-Z0-9_-]{1,256}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class FunctionTarget(msgspec.Struct, frozen=True):
    """A function that is invoked, asynchronously, with the record."""

    reference: FunctionReference


class FileTarget(msgspec.Struct, frozen=True):
    """A file that gets a line for each record."""

    path: str


class HttpTarget(msgspec.Struct, frozen=True):
    """A URL that records are posted to, as CloudEvents."""

    url: str


class QueueTarget(msgspec.Struct, frozen=True):
    """A standard SQS queue."""

    region: str
    account_id: str
    name: str


class TopicTarget(msgspec.Struct, frozen=True):
    """A standard SNS topic."""

    region: str
    arn: str


class BusTarget(msgspec.Struct, frozen=True):
    """An EventBridge event bus."""

    region: str
    arn: str


class BucketTarget(msgspec.Struct, frozen=True):
    """An S3 bucket; the service sends failures there, and nothing else."""

    name: str


DeadLetterTarget = QueueTarget | TopicTarget
AwsTarget = QueueTarget | TopicTarget | BusTarget | BucketTarget
Target = FunctionTarget | FileTarget | HttpTarget | AwsTarget


@lru_cache(maxsize=1024)
def parse_target(text: str) -> Target:
    """Read the name of a destination; raises InvalidFunction."""
    if text.startswith("arn:"):
        return _named_by_arn(text)
    if text.startswith(("http://", "https://")):
        return _checked_url(text)
    if text.startswith("file:"):
        return _checked_path(text.removeprefix("file:").removeprefix("//"))
    return _checked_path(text) if "/" in text and "://" not in text else _function(text)


def parse_dead_letter_target(text: str) -> DeadLetterTarget:
    """Read the ARN of a dead-letter queue or topic; raises InvalidFunction."""
    target = parse_target(text) if text.startswith("arn:") else None
    if not isinstance(target, DeadLetterTarget):
        raise InvalidFunction(f"dead letter target {text!r}: use the ARN of an SQS queue or an SNS topic")
    return target


def _named_by_arn(text: str) -> Target:
    found = _ARN.fullmatch(text) if len(text) <= _LIMIT else None
    target = _of_service(found) if found is not None else None
    if target is None:
        raise InvalidFunction(f"The destination ARN {text} is invalid.")
    return target


def _of_service(arn: re.Match[str]) -> Target | None:
    service, region, resource = arn["service"], arn["region"], arn["resource"]
    if service == "lambda":
        return _function(arn[0])
    if service == "s3" and _BUCKET.fullmatch(resource):
        return BucketTarget(resource)
    if not region or not arn["account"]:
        return None
    if service == "events" and resource.startswith("event-bus/"):
        return BusTarget(region, arn[0])
    return _of_messages(arn) if service in ("sqs", "sns") else None


def _of_messages(arn: re.Match[str]) -> DeadLetterTarget | None:
    name = arn["resource"]
    if name.endswith(".fifo"):
        raise InvalidFunction(f"{arn[0]}: a FIFO queue or topic cannot be used here, only a standard one")
    if not _QUEUE_OR_TOPIC.fullmatch(name):
        return None
    return (
        QueueTarget(arn["region"], arn["account"], name)
        if arn["service"] == "sqs"
        else TopicTarget(arn["region"], arn[0])
    )


def _checked_url(text: str) -> HttpTarget:
    try:
        parts = urlsplit(text)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not text.isprintable() or " " in text:
        raise InvalidFunction(f"destination {text!r}: it is not a URL such as http://127.0.0.1:8080/results")
    return HttpTarget(text)


def _checked_path(path: str) -> FileTarget:
    if not path or path.endswith("/") or "\0" in path:
        raise InvalidFunction(f"destination {path!r}: it names no file")
    return FileTarget(path)


def _function(text: str) -> FunctionTarget:
    # A caller may name what cannot be there; a name with a dot is meant to be a file's.
    is_file = "." in text and ":" not in text
    try:
        if not is_file:
            return FunctionTarget(parse_reference(text))
    except InvokeError:
        pass
    file = f"did you mean file:{text}? Else " if is_file else ""
    raise InvalidFunction(
        f"destination {text!r}: {file}use the name of a function, file:PATH, a URL, "
        "or the ARN of a function, queue, topic, bus or bucket"
    )
