"""The image, built as users build it and run as engines run it: a runtime and a server, the same twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import IMAGE_BASE, image_wheels_path
from container.project import KindName, write_project
from tests.bootstrap.fake_runtime_api import FakeRuntimeAPI
from tests.conforming import conformance, start_script
from tests.container.conftest import offline
from tests.container.folders import CONTAINER, INSIDE, PEERS
from tests.container.images import GID, UID, Container, Images

pytestmark = pytest.mark.slow

FUNCTION = """
import os, sys, time

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return {"ids": [os.getuid(), os.getgid()], "table": os.environ["TABLE"], "name": context.function_name, "path": sys.path}
"""
EXTENSION = """#!/usr/bin/env python3
import os
from urllib.request import Request, urlopen

api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
register = Request(f"{api}/register", b'{"events": ["SHUTDOWN"]}', {"Lambda-Extension-Name": "one"})
identifier = urlopen(register).headers["Lambda-Extension-Identifier"]
urlopen(Request(f"{api}/event/next", headers={"Lambda-Extension-Identifier": identifier})).read()
"""
DOCKERFILE = f"""
FROM {Images.base}
COPY app.py ${{LAMBDA_TASK_ROOT}}/
COPY one /opt/extensions/one
CMD ["app.handler"]
"""
TAG = "localhost/function:test"
OURS = ("/var/pilotlight", "/var/pilotlight/bootstrap")


@pytest.fixture(scope="module")
def function(images: Images, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tag of a function's image: FROM, COPY, CMD."""
    folder = tmp_path_factory.mktemp("function")
    for name, text in (("app.py", FUNCTION), ("one", EXTENSION), ("Dockerfile", DOCKERFILE)):
        (folder / name).write_text(text)
    (folder / "one").chmod(0o755)
    images.build(folder, TAG)
    return TAG


def call(container: Container, path: str, event: object = None) -> tuple[HTTPResponse, bytes]:
    """One call of the server in a container."""
    connection = HTTPConnection("127.0.0.1", container.port(), timeout=30)
    try:
        connection.request("GET" if event is None else "POST", path, None if event is None else json.dumps(event))
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def invoke(container: Container, event: object) -> tuple[HTTPResponse, Any]:
    """Invoke the function at the address AWS's own images have it."""
    response, body = call(container, "/2015-03-31/functions/function/invocations", event)
    return response, json.loads(body)


def test_it_is_a_runtime(images: Images, function: str) -> None:
    """Where there is a Runtime API: no port is opened, and the handler answers it. SIGTERM ends it, though it is process 1."""
    api = FakeRuntimeAPI()
    try:
        api.event(b"{}")
        with images.run(function, variables={"TABLE": "orders", "AWS_LAMBDA_RUNTIME_API": api.address}) as container:
            api.wait_until(lambda: bool(api.posts))
            container.signal(signal.SIGTERM)
            assert (container.ends(), container.printed) == (128 + signal.SIGTERM, "")
        [answer] = api.posts
        assert (answer.path.endswith("/response"), answer.json()["table"]) == (True, "orders")
        assert [entry for entry in answer.json()["path"] if entry in OURS] == []
    finally:
        api.close()


def test_it_conforms_as_the_bootstrap_does(images: Images, tmp_path: Path) -> None:
    """By the conformance suite, but for what it is there for: without a Runtime API it is a server."""
    (tmp_path / "known.toml").write_text(
        '[[known]]\nid = "RT-BOOT-007"\nreason = "it serves"\nmessage = "ready: h|ran until the suite ended it"\n'
    )
    placed = images.placed(images.base, Path("$LAMBDA_TASK_ROOT"))
    start = start_script(tmp_path / "start", [*placed, "/lambda-entrypoint.sh", "$_HANDLER"])
    done = conformance(start, "--baseline", str(tmp_path / "known.toml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_a_server(images: Images, function: str) -> None:
    """With a read-only root, and as any user: the function sees the container's variables and none of the platform's packages."""
    with images.run(function, variables={"TABLE": "or\nders"}) as container:
        _, answer = invoke(container, {})
        assert (answer["ids"], answer["table"], answer["name"]) == ([UID, GID], "or\nders", "function")
        assert [entry for entry in answer["path"] if entry in OURS] == []
        container.says("EXTENSION\tName: one")
        assert [call(container, path)[0].status for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


def test_the_health_check_tells(images: Images, function: str) -> None:
    """Exit code 0 while it serves, 1 after that."""
    with images.run(function, variables={"TABLE": "orders"}) as container:
        check = [sys.executable, str(INSIDE / "healthcheck.py")]
        environment = {**os.environ, "PORT": str(container.port())}
        assert subprocess.run(check, env=environment, check=False).returncode == 0
    done = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "/readyz: " in done.stderr) == (1, True)


def test_the_pool_is_bounded_and_drains(images: Images, function: str) -> None:
    """A call more than there are sandboxes is told to come again; SIGTERM lets the one under way end."""
    with images.run(function, variables={"TABLE": "orders", "PILOTLIGHT_POOL": "1"}) as container:
        invoke(container, {})
        answers: list[Any] = []
        caller = threading.Thread(target=lambda: answers.append(invoke(container, {"seconds": 0.5})[0].status))
        caller.start()
        while json.loads(call(container, "/readyz")[1])["calls_under_way"] == 0:
            pass
        refused, _ = invoke(container, {})
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        container.signal(signal.SIGTERM)
        assert container.ends() == 128 + signal.SIGTERM
        caller.join()
        assert answers == [200]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("plain", '{"message": "Hello, Ada!"}'),
        ("async", '{"messages": ["Hello, Ada!", "Hello, Bob!"]}'),
        ("stream", "line 1\nline 2\nline 3\n"),
        ("fastapi", '{"message":"Hello, Ada!"}'),
    ],
)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the READMEs are written in it")
def test_new_projects_are_images(images: Images, tmp_path: Path, kind: KindName, answer: str) -> None:
    """Built by their Dockerfile, they answer the call their README shows; as a stream where they are one."""
    write_project(tmp_path / "hello", kind)
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    volumes = [f"--volume={settings}:/etc/pip.conf:ro", f"--volume={image_wheels_path(PEERS)}:/wheels:ro"]
    images.build(tmp_path / "hello", f"localhost/{kind}:test", f"--build-arg=BASE={images.base}", *volumes)
    [command] = re.findall(
        r"^curl .*", (tmp_path / "hello" / "README.md").read_text().partition("## As an image")[2], re.M
    )
    with images.run(f"localhost/{kind}:test") as container:
        command = command.replace("http://127.0.0.1:8080/", f"-si http://127.0.0.1:{container.port()}/")
        done = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, timeout=60, check=True)
    head, _, body = done.stdout.partition("\n\n")
    assert (body, "Content-Length: " in head) == (answer, kind != "stream")


@pytest.mark.parametrize("arguments", [(), ("app.handler", "other")])
def test_it_takes_one_argument(images: Images, arguments: tuple[str, ...]) -> None:
    """Exit code 142, as AWS's own images have it, and a message."""
    with images.run(Images.base, *arguments) as container:
        assert container.ends() == 142
        assert "handler name" in container.printed


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PILOTLIGHT_POOL", "many", "PILOTLIGHT_POOL=many: it has to be a whole number"),
        ("PILOTLIGHT_QUEUE", "redis://queue", "PILOTLIGHT_QUEUE: queue 'redis://queue': the scheme 'redis' is none of"),
    ],
)
def test_a_wrong_variable_ends_it(images: Images, name: str, value: str, said: str) -> None:
    """By its name, in one line."""
    with images.run(Images.base, "app.handler", variables={name: value}) as container:
        assert container.ends() == 2
        assert (container.printed.startswith(f"pilotlight: {said}"), container.printed.count("\n")) == (True, 1)


def test_it_is_built_the_same_twice(images: Images) -> None:
    """Byte for byte: the digests are equal; and nothing is said to be missing."""
    wheels = image_wheels_path(PEERS)
    assert wheels is not None
    command = [
        sys.executable,
        "-c",
        "from runtime_api.cli.entry import main; main()",
        "image",
        "build",
        "--engine=buildah",
    ]
    done = subprocess.run(
        [*command, f"--base={IMAGE_BASE}", "--tag=localhost/again:test", "--", "--quiet", *offline(wheels)],
        cwd=CONTAINER.parent,
        env={**os.environ, **images.environment},
        capture_output=True,
        check=True,
        timeout=120,
    )
    first, again = images.inspect(images.base), images.inspect("localhost/again:test")
    assert (first["FromImageID"], b"missing" in done.stderr) == (again["FromImageID"], False), done.stderr


def test_lambda_would_take_it(images: Images, function: str) -> None:
    """One manifest for one architecture; an entry point and labels, and no user."""
    said = images.inspect(function)
    manifest, image = json.loads(said["Manifest"]), said["OCIv1"]
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert (image["os"], len(manifest["layers"])) == ("linux", 3)
    found = image["config"]
    assert (found["Entrypoint"], found["Cmd"]) == (["/lambda-entrypoint.sh"], ["app.handler"])
    assert (found["WorkingDir"], found.get("User", "")) == ("/var/task", "")
    labels = found["Labels"]
    assert labels["com.amazonaws.lambda.feature.snapstart"] == "Allow"
    assert {"title", "description", "licenses", "version"} <= {name.rpartition(".")[2] for name in labels}


def test_the_dockerfiles_are_clean(checkers: Path) -> None:
    """By hadolint: ours, and those of new projects."""
    files = [CONTAINER / "Dockerfile", CONTAINER / "Dockerfile.slim", *CONTAINER.glob("projects/*/Dockerfile")]
    done = subprocess.run([checkers / "hadolint", *files], capture_output=True, text=True, check=False)
    assert (len(files), done.returncode) == (5, 0), done.stdout
