"""The manifests: valid by the schemas of what reads them, and true of the image they run."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from container.inside.server import functions_own
from tests.container.custom_resources import InterceptorRoute, KnativeService, ScaledObject
from tests.container.folders import DEPLOY, INSIDE

# Those of Knative's own containers: https://github.com/knative/specs/blob/main/specs/serving/runtime-contract.md
KNATIVE_PORTS = {8008, 8012, 8013, 8022, 9090, 9091}
SANDBOXES_END_S = 2


def documents(name: str) -> dict[str, Any]:
    """The objects of a file of YAML, by their kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / name).read_text())}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pods the function runs in."""
    yield "knative", documents("knative.yaml")["Service"]["spec"]["template"]["spec"]
    yield "kubernetes", documents("kubernetes.yaml")["Deployment"]["spec"]["template"]["spec"]


def environments() -> Iterator[tuple[str, dict[str, str]]]:
    """The variables each engine gives the container."""
    for name, pod in pods():
        yield name, {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    yield "compose", yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["hello"]["environment"]


every_pod = pytest.mark.parametrize("pod", [pytest.param(pod, id=name) for name, pod in pods()])
every_environment = pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in environments()])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kubernetes.yaml", "nats.yaml"])
def test_kubernetes_takes_it(checkers: Path, tmp_path: Path, name: str) -> None:
    """By its own schemas, which know every key; and a key that is none is noticed."""
    text = (DEPLOY / name).read_text()
    (tmp_path / "good.yaml").write_text(text)
    (tmp_path / "bad.yaml").write_text(text.replace("securityContext:", "securityContexts:", 1))
    good, bad = (_validate(checkers, tmp_path / file) for file in ("good.yaml", "bad.yaml"))
    # It passes over kinds it does not know, with a warning and status 0.
    assert (good.returncode, "WARN" in good.stdout + good.stderr) == (0, False), good.stdout + good.stderr
    assert bad.returncode != 0


def _validate(checkers: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(checkers / "kubernetes-validate"), "--strict", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "kind", "schema"),
    [
        ("knative.yaml", "Service", KnativeService),
        ("keda.yaml", "InterceptorRoute", InterceptorRoute),
        ("keda.yaml", "ScaledObject", ScaledObject),
    ],
)
def test_custom_resources_are_what_they_say(file: str, kind: str, schema: type[msgspec.Struct]) -> None:
    """By closed schemas of the fields that are used: a wrong type or key would be an error."""
    found = documents(file)[kind]
    msgspec.convert(found, schema)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(found | {"specs": {}}, schema)


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed: it reads the Compose file")
def test_docker_takes_the_compose_file() -> None:
    """As a stack, which needs no daemon to be read."""
    command = ["docker", "stack", "config", "--compose-file", "compose.yaml"]
    done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    hello = yaml.safe_load(done.stdout)["services"]["hello"]
    assert (hello["read_only"], hello["stop_signal"], hello["user"]) == (True, "SIGTERM", "993:990")


@every_pod
def test_the_pool_is_what_the_pod_is_sized_for(pod: dict[str, Any]) -> None:
    """As many calls as sandboxes, and memory for all of them."""
    [one] = pod["containers"]
    said = {variable["name"]: variable["value"] for variable in one["env"]}
    pool, memory = int(said["PILOTLIGHT_POOL"]), int(said["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    assert pod.get("containerConcurrency", pool) == pool
    assert int(one["resources"]["limits"]["memory"].removesuffix("Mi")) >= (pool + 1) * memory
    assert documents("keda.yaml")["InterceptorRoute"]["spec"]["scalingMetric"]["concurrency"]["targetValue"] == pool


@every_pod
def test_the_pod_is_locked_up(pod: dict[str, Any]) -> None:
    """A numeric user that is not root, a read-only root with a /tmp, no privileges; no variables of other services."""
    [one] = pod["containers"]
    context = pod.get("securityContext", {}) | one["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"], context["readOnlyRootFilesystem"]) == (True, 993, True)
    assert (context["allowPrivilegeEscalation"], context["capabilities"]) == (False, {"drop": ["ALL"]})
    assert [mount["mountPath"] for mount in one["volumeMounts"]] == ["/tmp"]
    assert pod["enableServiceLinks"] is False


@every_pod
def test_probes_ask_what_the_server_answers(pod: dict[str, Any]) -> None:
    """At the port it listens on; Knative's own ports are not taken, and PORT is left to it."""
    [one] = pod["containers"]
    assert one["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert one["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert one["ports"][0]["containerPort"] == 8080
    assert 8080 not in KNATIVE_PORTS
    assert "PORT" not in [variable["name"] for variable in one["env"]]


@every_environment
def test_variables_are_known(said: dict[str, str]) -> None:
    """To the server."""
    assert functions_own(said) == {}
    source = (INSIDE / "server.py").read_text()
    assert [name for name in said if f'"{name}"' not in source] == []


def test_there_is_time_to_end() -> None:
    """Whoever stops the container waits for longer than the longest call, the drain and the end of the sandboxes."""
    said = dict(environments())
    drains = {name: int(one["PILOTLIGHT_DRAIN_TIMEOUT"]) for name, one in said.items()}
    for name, one in said.items():
        assert int(one["AWS_LAMBDA_FUNCTION_TIMEOUT"]) < drains[name]
    pod = dict(pods())
    assert pod["knative"]["timeoutSeconds"] <= 600
    assert pod["knative"]["timeoutSeconds"] > drains["knative"] + SANDBOXES_END_S
    sleep = int(pod["kubernetes"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = pod["kubernetes"]["terminationGracePeriodSeconds"]
    assert grace > sleep + drains["kubernetes"] + SANDBOXES_END_S
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["hello"]
    assert int(compose["stop_grace_period"].removesuffix("s")) > drains["compose"] + SANDBOXES_END_S


def test_the_health_check_is_in_the_image() -> None:
    """At the path the Dockerfile copies it to."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["hello"]
    assert compose["healthcheck"]["test"] == ["CMD", "python3", "/var/pilotlight/healthcheck.py"]
    assert "container/inside/*.py /var/pilotlight/" in (INSIDE.parent / "Dockerfile").read_text()
    assert (INSIDE / "healthcheck.py").is_file()


def test_nats_takes_an_event_with_its_answer() -> None:
    """The two configurations of the queue say so alike."""
    in_cluster = documents("nats.yaml")["ConfigMap"]["data"]["nats.conf"]
    for text in (in_cluster, (DEPLOY / "nats.conf").read_text()):
        assert "max_payload: 8MB" in text
        assert "store_dir: /data, sync_interval: always" in text


@pytest.mark.slow
def test_the_nomad_job_is_a_job(checkers: Path) -> None:
    """It parses; SIGTERM, time to end, a read-only root and the probe are said."""
    ask = "import hcl2, json, sys; print(json.dumps(hcl2.load(sys.stdin)))"
    with (DEPLOY / "nomad.hcl").open() as file:
        done = subprocess.run([checkers / "python", "-c", ask], stdin=file, capture_output=True, text=True, check=True)
    said = json.dumps(json.loads(done.stdout)).replace('\\"', "").replace('""', '"')
    for words in ('"kill_signal": "SIGTERM"', '"kill_timeout": "40s"', '"readonly_rootfs": true', '"path": "/readyz"'):
        assert words in said
