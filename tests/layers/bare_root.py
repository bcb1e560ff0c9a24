"""A root folder without Python, as a process sees it that is started there: read-only, a user of no rights, layers in /opt."""

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from benchmarks.peers import bare_root_path
from benchmarks.servers import REPOSITORY

# Where Amazon Linux has the authorities' certificates, and where this machine may.
AMAZON_BUNDLE = "/etc/pki/tls/certs/ca-bundle.crt"
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", AMAZON_BUNDLE)
LIBRARY_PATH = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"


def need_bubblewrap() -> str:
    """The path of bubblewrap, or the test is skipped."""
    found = shutil.which("bwrap")
    if found is None:
        pytest.skip("bubblewrap is not installed: `make peers` installs it on Debian, as root")
    return found


def need_bare_root() -> Path:
    """The root folder, or the test is skipped."""
    root = bare_root_path(REPOSITORY / ".peers")
    if root is None:
        pytest.skip("there is no system without Python: `make peers` unpacks one on Debian, as root")
    return root


def unpack(layer: Path, into: Path) -> Path:
    """Unpack a layer as Lambda does, modes and links included."""
    with zipfile.ZipFile(layer) as archive:
        for info in archive.infolist():
            place = into / info.filename
            place.parent.mkdir(parents=True, exist_ok=True)
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                place.symlink_to(archive.read(info).decode())
            else:
                place.write_bytes(archive.read(info))
                place.chmod(stat.S_IMODE(mode))
    return into


def within(root: Path, opt: Path, task: Path, *command: str) -> list[str]:
    """The command line that runs `command` there, in /var/task."""
    told = ["--ro-bind", str(root), "/", "--ro-bind", str(opt), "/opt", "--tmpfs", "/etc", "--tmpfs", "/var"]
    if bundle := next(filter(os.path.isfile, BUNDLES), None):
        told += ["--ro-bind", bundle, AMAZON_BUNDLE]
    told += ["--ro-bind", str(task), "/var/task", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    told += ["--unshare-user", "--uid", "993", "--gid", "990", "--die-with-parent", "--chdir", "/var/task"]
    told += ["--unsetenv", "PYTHONPATH", "--setenv", "LAMBDA_TASK_ROOT", "/var/task"]
    return [need_bubblewrap(), *told, "--setenv", "LD_LIBRARY_PATH", LIBRARY_PATH, *command]
