"""The runtime layer: an interpreter that runs where there is none, in the place Lambda gives it."""

import json
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import zipfile
from http.client import HTTPConnection
from pathlib import Path

import pytest

from benchmarks.peers import IMAGE_BASE, emulator_path
from benchmarks.servers import REPOSITORY, Server, emulator, pilotlight
from layers.interpreter import elf
from layers.interpreter.probe import Interpreter
from layers.layer import Built
from layers.runtime import build_runtime_layer, interpreter_files
from tests.bootstrap.fake_runtime_api import FakeRuntimeAPI
from tests.bootstrap.function import Function
from tests.conforming import conformance, start_script
from tests.container.folders import CONTAINER
from tests.container.images import Images, need_image_store

from .bare_root import need_bare_root, unpack, within
from .conftest import need_layer_tools, need_python

PYTHON = "3.13"
# The page about layers is tried with the one that runs the tests.
OTHERS = sorted({"3.10", "3.11", "3.12"} - {f"3.{sys.version_info[1]}"})
HANDLER = """
import cmath, os, ssl, sys
import asyncio, bz2, ctypes, decimal, hashlib, lzma, multiprocessing, sqlite3, uuid, zlib, zoneinfo
try:
    import shared
except ImportError:
    shared = None
def handler(event, context):
    with open("/proc/self/maps") as maps:
        mapped = {line.split()[-1] for line in maps if line.rstrip().endswith((".so", ".so.3", ".so.1.0"))}
    try:
        open("/opt/new", "w")
    except OSError as error:
        refused = error.strerror
    return {
        "event": event,
        "python": [sys.executable, sys.prefix, sys.version_info[:2]],
        "path": sys.path,
        "certificates": len(ssl.create_default_context().get_ca_certs()),
        "openssl": [path for path in mapped if "libssl" in path],
        "hypot": abs(3 + 4j) + cmath.polar(5 + 12j)[0],
        "uid": os.getuid(),
        "refused": refused,
        "others": [path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(path)],
        "shared": shared and shared.__file__,
        "optimize": sys.flags.optimize,
    }
"""


class Layer:
    """A layer that was built, and the folder it is unpacked to."""

    def __init__(self, built: Built, opt: Path) -> None:
        self.built = built
        self.opt = opt


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    """The interpreter that goes into the layer."""
    need_layer_tools()
    return need_python(PYTHON)


@pytest.fixture(scope="module")
def layer(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """The layer, unpacked."""
    folder = tmp_path_factory.mktemp("runtime")
    built = build_runtime_layer(folder / "layer.zip", interpreter)
    return Layer(built, unpack(built.path, folder / "opt"))


@pytest.fixture
def placed(layer: Layer, function: Function) -> Function:
    """A function without rights on a read-only root without Python, with the layer in /opt."""
    function.write(HANDLER)
    command = within(need_bare_root(), layer.opt, function.root, "/opt/bootstrap")
    function.python, function.command = command[0], command[1:]
    return function


def call(server: Server) -> dict[str, object]:
    """What its function answers."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", server.path, b'{"a": 1}')
        value: dict[str, object] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return value


def check(seen: dict[str, object]) -> None:
    """What a handler sees wherever the layer runs."""
    assert seen["python"] == [f"/opt/pilotlight/bin/python{PYTHON}", "/opt/pilotlight", [3, 13]]
    assert (seen["event"], seen["hypot"], seen["uid"]) == ({"a": 1}, 18.0, 993)
    assert seen["openssl"] == ["/opt/pilotlight/lib/libssl.so.3"]
    assert seen["refused"] == "Read-only file system"


def test_it_runs_where_there_is_no_python(placed: Function, api: FakeRuntimeAPI) -> None:
    """All of the library that matters is there, TLS trusts the system's authorities, and our libraries come before the system's."""
    api.event(b'{"a": 1}')
    seen = placed.run().post.json()
    check(seen)
    assert seen["others"] == []
    assert seen["certificates"] > 100
    stdlib = f"/opt/pilotlight/lib/python{PYTHON}"
    assert seen["path"] == [
        "/var/task",
        stdlib.replace(PYTHON, "313.zip"),
        stdlib,
        f"{stdlib}/lib-dynload",
        "/opt/pilotlight/runtime/on_path",
    ]


def test_other_layers_are_found_and_a_wrapper_is_honoured(
    placed: Function, api: FakeRuntimeAPI, layer: Layer, tmp_path: Path
) -> None:
    """Their modules in /opt/python, and the program AWS_LAMBDA_EXEC_WRAPPER names."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "shared.py").touch()
    wrapper = placed.root / "wrapper"
    wrapper.write_text('#!/bin/sh\npython=$1; shift; exec "$python" -O "$@"\n')
    wrapper.chmod(0o755)
    placed.environ["AWS_LAMBDA_EXEC_WRAPPER"] = "/var/task/wrapper"
    at = placed.command.index("/opt")
    placed.command[at - 2 : at + 1] = [
        *("--tmpfs", "/opt", "--ro-bind", str(tmp_path / "python"), "/opt/python"),
        *("--ro-bind", str(layer.opt / "pilotlight"), "/opt/pilotlight"),
        *("--ro-bind", str(layer.opt / "bootstrap"), "/opt/bootstrap", "--remount-ro", "/opt"),
    ]
    api.event(b'{"a": 1}')
    seen = placed.run().post.json()
    check(seen)
    assert (seen["shared"], seen["optimize"]) == ("/opt/python/shared.py", 1)


def test_our_server_drives_it(layer: Layer, tmp_path: Path) -> None:
    """As a command, on the root without Python."""
    (tmp_path / "app.py").write_text(HANDLER)
    command = shlex.join(within(need_bare_root(), layer.opt, tmp_path, "/opt/bootstrap"))
    with pilotlight(tmp_path, "--name", "function", "--handler", "app.handler", "--command", command) as server:
        check(call(server))


def test_our_server_unpacks_it(layer: Layer, tmp_path: Path) -> None:
    """As `--layer`, which a user would write."""
    within(Path("/"), layer.opt, tmp_path)  # skipped where there is no bubblewrap
    (tmp_path / "app.py").write_text(HANDLER)
    options = ["--runtime", "provided", "--isolation", "bubblewrap", "--layer", str(layer.built.path)]
    with pilotlight(tmp_path, "--name", "function", "--handler", "app.handler", *options) as server:
        check(call(server))


def test_the_emulator_of_aws_drives_it(layer: Layer, tmp_path: Path) -> None:
    """The platform side of others, on the root without Python."""
    program = emulator_path(REPOSITORY / ".peers")
    if program is None:
        pytest.skip("AWS's emulator is not installed: `make peers` installs it, on Linux")
    (tmp_path / "app.py").write_text(HANDLER)
    with emulator(program, tmp_path, within(need_bare_root(), layer.opt, tmp_path, "/opt/bootstrap")) as server:
        check(call(server))


def test_it_conforms_as_the_bootstrap_does(layer: Layer, tmp_path: Path) -> None:
    """By the conformance suite, on the root without Python."""
    start = start_script(
        tmp_path / "start", within(need_bare_root(), layer.opt, Path("$LAMBDA_TASK_ROOT"), "/opt/bootstrap")
    )
    done = conformance(start)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_an_image_on_nothing(layer: Layer, api: FakeRuntimeAPI, tmp_path: Path) -> None:
    """By Dockerfile.slim: small, as any user, and pushed as Lambda takes it, one manifest for one architecture."""
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "Dockerfile").write_text("FROM localhost/slim:test\nCOPY app.py /var/task/\nENV _HANDLER=app.handler\n")
    with Images(tmp_path, need_image_store()) as images:
        slim = f"--file={CONTAINER / 'Dockerfile.slim'}"
        # The context is where `layer` is: the folder above the one it is unpacked to here.
        (tmp_path / "context").mkdir()
        shutil.copytree(layer.opt, tmp_path / "context" / "layer", symlinks=True)
        images.build(tmp_path / "context", "localhost/slim:test", slim, f"--build-arg=GLIBC={IMAGE_BASE}")
        images.build(tmp_path, "localhost/function:test")
        files = [path.lstat().st_size for path in images.root("localhost/slim:test").rglob("*") if path.is_file()]
        assert 30_000_000 < sum(files) < 45_000_000
        api.event(b'{"a": 1}')
        with images.run("localhost/function:test", variables={"AWS_LAMBDA_RUNTIME_API": api.address}) as container:
            api.wait_until(lambda: bool(api.posts))
            container.signal(signal.SIGTERM)
            assert (container.ends(), container.printed) == (128 + signal.SIGTERM, "")
        check(api.posts[0].json())
        images.buildah("push", "localhost/function:test", f"oci:{tmp_path / 'layout'}:latest")
    layout = tmp_path / "layout"
    [told] = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads((layout / "blobs" / told["digest"].replace(":", "/")).read_text())
    kinds = [manifest["mediaType"], *(one["mediaType"] for one in manifest["layers"])]
    assert {kind.rpartition(".")[2] for kind in kinds} == {"v1+json", "tar+gzip"}
    assert len(kinds) == 3


def test_its_objects_are_content_with_lambdas_glibc(layer: Layer) -> None:
    """None names a symbol above 2.34, and each finds its libraries by an RPATH, which comes before LD_LIBRARY_PATH."""
    objects = [path for path in layer.opt.rglob("*") if path.is_file() and path.read_bytes()[:4] == elf.MAGIC]
    read = [elf.read(path.read_bytes(), path.name) for path in objects]
    assert len(objects) > 50
    assert max(found.glibc for found in read) <= elf.GLIBC_LIMIT
    assert {found.search for found in read} == {("$ORIGIN",), ("$ORIGIN/../lib",), ("$ORIGIN/../..",)}
    assert not [path for path in objects if b".debug_info" in path.read_bytes()]


def test_it_keeps_the_limits_and_tells_its_contents(layer: Layer, interpreter: Interpreter) -> None:
    """No larger than 15 MB, no folder of this machine inside, every file in the manifest, every library in the list."""
    assert layer.built.zipped_bytes <= 15_000_000
    private = [interpreter.prefix.encode(), *(folder.encode() for folder in interpreter.build_folders if folder)]
    with zipfile.ZipFile(layer.built.path) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
        assert oct(archive.getinfo("bootstrap").external_attr >> 16) == "0o100755"
    assert [name for name, content in contents.items() if any(folder in content for folder in private)] == []
    assert {name.split("/")[0] for name in names} == {"bootstrap", "pilotlight"}
    assert contents["bootstrap"].startswith(b"#!/opt/pilotlight/bin/python3.13\n")
    manifest = json.loads(contents["pilotlight/manifest.json"])
    assert (manifest["python"], manifest["architecture"]) == ([interpreter.version], interpreter.architecture)
    assert {file["path"] for file in manifest["files"]} >= set(names) - {
        "pilotlight/manifest.json",
        "pilotlight/contents.cdx.json",
    }
    components = {one["name"] for one in json.loads(contents["pilotlight/contents.cdx.json"])["components"]}
    assert components >= {
        "pilotlight",
        "cpython",
        "libssl.so.3",
        "libcrypto.so.3",
        "libsqlite3.so.0",
        f"libpython{PYTHON}.so.1.0",
    }


def test_every_source_has_its_companion(layer: Layer) -> None:
    """Valid without a look at times, which Lambda sets anew."""
    library = layer.opt / "pilotlight"
    sources = sorted(library.rglob("*.py"))
    missing = [path for path in sources if not (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").is_file()]
    flags = {struct.unpack("<I", path.read_bytes()[4:8])[0] for path in library.rglob("*.pyc")}
    assert (len(sources) > 500, missing, flags) == (True, [], {1})


@pytest.mark.slow
def test_the_same_objects_each_time(layer: Layer, interpreter: Interpreter) -> None:
    """Whatever folder the tools of others worked in."""
    for entry in interpreter_files(interpreter)[0]:
        assert (layer.opt / entry.path).read_bytes() == entry.content


@pytest.mark.slow
@pytest.mark.parametrize("minor", OTHERS)
def test_other_versions_become_movable(minor: str, tmp_path: Path) -> None:
    """The files are those of a layer; they run from another place and import what needs libraries."""
    need_layer_tools()
    other = need_python(minor)
    for entry in interpreter_files(other)[0]:
        place = tmp_path / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(entry.content)
        place.chmod(entry.mode & 0o777)
    task = tmp_path / "task"
    task.mkdir()
    ask = (
        "import ssl, sqlite3, ctypes, lzma, bz2, cmath, sys; print(sys.prefix, ssl.OPENSSL_VERSION_INFO[0], abs(3+4j))"
    )
    command = within(need_bare_root(), tmp_path, task, f"/opt/pilotlight/bin/python{minor}", "-c", ask)
    assert run(command) == "/opt/pilotlight 3 5.0\n"


def run(command: list[str]) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout
