"""Queues, topics, event buses and buckets, by boto3: the extra `aws`.

Strategy: boto3 blocks, so its calls run in a few threads of our own, which is also how many are under way at once. It does not retry:
that is done, by the platform's clock, for all destinations alike. The region comes from the ARN; credentials and endpoints are found where
boto3 looks for them, unless an endpoint is given.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from runtime_api.dispatch.events.deliverer import DeliveryFailed
from runtime_api.protocol.destinations.targets import AwsTarget, BucketTarget, BusTarget, QueueTarget, TopicTarget

_THREADS = 8
_CONNECT_LIMIT_S, _READ_LIMIT_S = 3, 5
_SERVICES: dict[type, str] = {QueueTarget: "sqs", TopicTarget: "sns", BusTarget: "events", BucketTarget: "s3"}


class AwsUnavailable(Exception):
    """boto3 is missing or cannot be used; the message says what to do."""


class AwsSender:
    """Calls AWS services. `endpoint_url` is where they are when they are not at AWS; `region` is the one buckets are asked for in."""

    def __init__(self, region: str, endpoint_url: str | None = None) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._threads = ThreadPoolExecutor(_THREADS, "pilotlight aws")
        self._lock = Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._queue_urls: dict[QueueTarget, str] = {}

    def check(self, target: AwsTarget) -> None:
        """See that its service can be called; blocks, and calls nobody. Raises AwsUnavailable."""
        self._client(target)

    async def send(self, target: AwsTarget, message: dict[str, Any]) -> None:
        """Make the call that delivers `message`; raises DeliveryFailed."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._call, target, message)

    async def close(self) -> None:
        """Wait for the calls under way."""
        await asyncio.to_thread(self._threads.shutdown)

    def _call(self, target: AwsTarget, message: dict[str, Any]) -> None:
        try:
            client = self._client(target)
            self._deliver(client, target, message)
        except AwsUnavailable as error:
            raise DeliveryFailed(f"{_name(target)}: {error}") from None

    def _deliver(self, client: Any, target: AwsTarget, message: dict[str, Any]) -> None:  # noqa: ANN401  (boto3 makes the class)
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if isinstance(target, QueueTarget):
                client.send_message(QueueUrl=self._queue_url(client, target), **message)
            elif isinstance(target, TopicTarget):
                client.publish(**message)
            elif isinstance(target, BucketTarget):
                client.put_object(**message)
            else:
                _check_entry(target, client.put_events(**message)["Entries"][0])
        except (BotoCoreError, ClientError) as error:
            raise DeliveryFailed(f"{_name(target)}: {error}") from None

    def _queue_url(self, client: Any, queue: QueueTarget) -> str:  # noqa: ANN401  (boto3 makes the class)
        url = self._queue_urls.get(queue)
        if url is None:
            url = client.get_queue_url(QueueName=queue.name, QueueOwnerAWSAccountId=queue.account_id)["QueueUrl"]
            self._queue_urls[queue] = url
        return url

    def _client(self, target: AwsTarget) -> Any:  # noqa: ANN401
        service, region = _SERVICES[type(target)], getattr(target, "region", self._region)
        # Clients may be shared by threads, sessions may not.
        with self._lock:
            if self._session is None:
                self._session = _usable_session()
            if (service, region) not in self._clients:
                self._clients[service, region] = _new_client(self._session, service, region, self._endpoint_url)
            return self._clients[service, region]


def _usable_session() -> Any:  # noqa: ANN401
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise AwsUnavailable("boto3 is missing: pip install 'pilotlight[aws]'") from None
    try:
        session = boto3.Session()
        has_credentials = session.get_credentials() is not None
    except BotoCoreError as error:
        raise AwsUnavailable(str(error)) from None
    if not has_credentials:
        raise AwsUnavailable("boto3 finds no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return session


def _new_client(session: Any, service: str, region: str, endpoint_url: str | None) -> Any:  # noqa: ANN401
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=_CONNECT_LIMIT_S,
        read_timeout=_READ_LIMIT_S,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
    )
    try:
        return session.client(service, region_name=region, endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise AwsUnavailable(str(error)) from None


def _check_entry(bus: BusTarget, entry: dict[str, str]) -> None:
    # It answers 200 for what it did not take.
    if "ErrorCode" in entry:
        raise DeliveryFailed(f"{bus.arn}: {entry['ErrorCode']}: {entry.get('ErrorMessage', '')}")


def _name(target: AwsTarget) -> str:
    return target.arn if isinstance(target, TopicTarget | BusTarget) else f"{_SERVICES[type(target)]} {target.name}"
