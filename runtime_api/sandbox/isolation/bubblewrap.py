"""Isolation `bubblewrap`: the documented folders as real ones, in namespaces that bubblewrap makes in milliseconds.

Strategy: one bubblewrap process holds the namespaces of a place for as long as it lives, with a program in them that waits; runtimes and
extensions are started by the keeper, which joins those namespaces, so they share /tmp and see each other, and their exits are told as
they are. /tmp is a tmpfs of the configured size. With the privileges for it, programs run as a user of their own; without, their user
only looks so from the inside, and is the platform's to the rest of the machine. The network is the machine's.

What interpreters need of the machine is mounted read-only: the system's folders, a few files of /etc, and the prefix of the
interpreter or program. There is no /dev/shm and no terminal, as in the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from runtime_api.sandbox.isolation.cgroups import PROCESSES_LIMIT
from runtime_api.sandbox.isolation.keeper import Keeper, Order
from runtime_api.sandbox.isolation.members import children_of
from runtime_api.sandbox.surroundings.folders import OPT, Folders

# The user seen in the service.
USER, GROUP, USER_NAME = 993, 990, "sbx_user1051"
FILE_DESCRIPTORS_LIMIT = 1024
_GIB, _MIB, _KIB = 1 << 30, 1 << 20, 1 << 10
OPEN_LIMIT_S = 10.0
# /usr/include/linux/capability.h: setgid, setuid and mount, which is a part of sys_admin
_CAP_SETGID, _CAP_SETUID, _CAP_SYS_ADMIN = 6, 7, 21

TASK_ROOT, RUNTIME_DIR, TMP = "/var/task", "/var/runtime", "/tmp"
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Names, certificates, and where the loader and Debian's alternatives look; never the whole of /etc.
_ETC = (
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types", "services", "protocols",
    "ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "pki/ca-trust/extracted",
)  # fmt: skip
ETC_FILES = {
    "passwd": f"root:x:0:0:root:/root:/sbin/nologin\n{USER_NAME}:x:{USER}:{GROUP}::/home/{USER_NAME}:/sbin/nologin\n",
    "group": f"root:x:0:\n{USER_NAME}:x:{GROUP}:\n",
    "hosts": "127.0.0.1 localhost sandbox.localdomain sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


class IsolationUnavailable(Exception):
    """This machine cannot isolate as asked; the message says what is missing."""


class View(msgspec.Struct, frozen=True):
    """What a place is to see: sources on this machine, and the size of /tmp. `programs` are prefixes of interpreters."""

    task_root: str
    layers: str | None
    runtime_dir: str
    etc: str
    programs: tuple[str, ...]
    tmp_mb: int


def check_bubblewrap() -> str:
    """The path of bubblewrap; raises IsolationUnavailable."""
    found = shutil.which("bwrap")
    if found is None:
        raise IsolationUnavailable(
            "isolation bubblewrap needs the program bwrap: install the bubblewrap package (Debian: apt install bubblewrap)"
        )
    return found


def has_privileges(status: Path = Path("/proc/self/status")) -> bool:
    """Whether the platform may mount and change users without a user namespace."""
    capabilities = int(status.read_text().partition("\nCapEff:")[2].split()[0], 16)
    return all(capabilities & (1 << number) for number in (_CAP_SETGID, _CAP_SETUID, _CAP_SYS_ADMIN))


def arguments(view: View, *, privileged: bool) -> list[str]:
    """What bubblewrap is told."""
    told = ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--new-session", "--clearenv"]
    if not privileged:
        told += ["--unshare-user", "--uid", str(USER), "--gid", str(GROUP)]
    told += ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM_FOLDERS:
        told += _same(f"/{name}")
    told += ["--proc", "/proc", *_devices(), *_etc(view.etc), "--dir", "/var"]
    told += ["--ro-bind", view.runtime_dir, RUNTIME_DIR, *_task_root(view.task_root)]
    # Entry by entry: an interpreter may have its prefix in /opt, too.
    told += ["--dir", OPT, *(_entries(view.layers, OPT) if view.layers is not None else ())]
    told += ["--perms", "1777", "--size", str(view.tmp_mb * _MIB), "--tmpfs", TMP]
    for prefix in view.programs:
        told += [*_folders_above(prefix), "--ro-bind", prefix, prefix]
    return [*told, "--chdir", "/", "--remount-ro", "/"]


def _folders_above(path: str) -> list[str]:
    # Those bubblewrap makes unasked are for their owner only.
    return [word for folder in reversed(Path(path).parents[:-1]) for word in ("--dir", str(folder))]


def _same(path: str) -> list[str]:
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path] if os.path.isdir(path) else []


def _devices() -> list[str]:
    told = ["--dir", "/dev"]
    for name in _DEVICES:
        told += ["--dev-bind-try", f"/dev/{name}", f"/dev/{name}"]
    told += ["--symlink", "/proc/self/fd", "/dev/fd"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        told += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    return told


def _etc(ours: str) -> list[str]:
    told = ["--dir", "/etc"]
    for name in ETC_FILES:
        told += ["--ro-bind", f"{ours}/{name}", f"/etc/{name}"]
    # A symbolic link into /run, often.
    told += ["--ro-bind-try", os.path.realpath("/etc/resolv.conf"), "/etc/resolv.conf"]
    for name in _ETC:
        if os.path.exists(f"/etc/{name}"):
            told += [*_folders_above(f"/etc/{name}"), "--ro-bind", os.path.realpath(f"/etc/{name}"), f"/etc/{name}"]
    return told


def _task_root(source: str) -> list[str]:
    # A folder only its owner may enter, such as a temporary one, holds files others may read: the service makes its own folder for them.
    others = stat.S_IROTH | stat.S_IXOTH
    if os.stat(source).st_mode & others == others:
        return ["--ro-bind", source, TASK_ROOT]
    return ["--dir", TASK_ROOT, *_entries(source, TASK_ROOT)]


def _entries(source: str, destination: str) -> list[str]:
    told = []
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        inside = f"{destination}/{entry.name}"
        told += (
            ["--symlink", os.readlink(entry.path), inside] if entry.is_symlink() else ["--ro-bind", entry.path, inside]
        )
    return told


def program_prefixes(program: str) -> tuple[str, ...]:
    """The folders a program needs besides the system's: where it is and where each symbolic link on the way leads."""
    found: list[str] = []
    for hop in _hops(program):
        prefix = _prefix(hop)
        if prefix is not None and prefix not in found:
            found.append(prefix)
    return tuple(found)


def _hops(path: str) -> Iterable[str]:
    for _ in range(40):
        yield path
        if not os.path.islink(path):
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    yield os.path.realpath(path)


def _prefix(program: str) -> str | None:
    folder = os.path.dirname(program)
    if folder.split("/")[1] in ("usr", *_SYSTEM_FOLDERS):
        return None
    parent = os.path.dirname(folder)
    # A home folder with a bin in it is no prefix: it has no lib.
    is_prefix = os.path.basename(folder) == "bin" and (
        os.path.isdir(f"{parent}/lib") or os.path.isfile(f"{parent}/pyvenv.cfg")
    )
    return parent if is_prefix and parent != "/" else folder


def _limits(*, privileged: bool) -> tuple[tuple[int, int, int], ...]:
    """The rlimits seen in the service, as far as ours allow. Processes are counted for a user, so only where it is the sandbox's own."""
    wanted = [
        (resource.RLIMIT_NOFILE, FILE_DESCRIPTORS_LIMIT, FILE_DESCRIPTORS_LIMIT),
        (resource.RLIMIT_CORE, 10 * _GIB, 10 * _GIB),
        (resource.RLIMIT_STACK, 8 * _MIB, resource.RLIM_INFINITY),
        (resource.RLIMIT_MEMLOCK, 64 * _KIB, 64 * _KIB),
    ]
    if not privileged:
        wanted.append((resource.RLIMIT_NPROC, PROCESSES_LIMIT, PROCESSES_LIMIT))
    return tuple((kind, _within(soft, kind), _within(hard, kind)) for kind, soft, hard in wanted)


def _within(wanted: int, kind: int) -> int:
    ours = resource.getrlimit(kind)[1]
    if ours == resource.RLIM_INFINITY:
        return wanted
    return ours if wanted == resource.RLIM_INFINITY else min(wanted, ours)


def _first_process(info: int) -> int:
    # Read to its closing brace, not to its end: bubblewrap keeps the descriptor.
    told = b""
    while not told.rstrip().endswith(b"}"):
        told += os.read(info, 4096)
    return int(json.loads(told)["child-pid"])


async def _listen(line: socket.socket, told: bytearray) -> None:
    """Hear our line end, or all of bubblewrap's complaint, which it writes piece by piece."""
    with contextlib.suppress(ConnectionError):
        while told != b"\n" and (piece := await asyncio.get_running_loop().sock_recv(line, 4096)):
            told += piece


class BubblewrapIsolation:
    """The namespaces of one place; `open` before anything else."""

    def __init__(self, keeper: Keeper, view: View) -> None:
        self.folders = Folders(TASK_ROOT, OPT, RUNTIME_DIR, layers=view.layers)
        self.tmpfs_mb = view.tmp_mb
        self._keeper = keeper
        self._view = view
        self._privileged = has_privileges()
        self._limits = _limits(privileged=self._privileged)
        self._holder: tuple[int, asyncio.Future[int]] | None = None
        self._line: socket.socket | None = None
        self._init = 0
        self._waiting_program = 0

    async def open(self) -> None:
        """Make them; raises IsolationUnavailable in bubblewrap's own words."""
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        # What is sent comes back once everything is mounted, for then the program that waits, cat, runs; else an error comes.
        self._line.send(b"\n")
        said, says = os.pipe()
        try:
            with theirs:
                try:
                    self._start_holder(theirs.fileno(), says)
                finally:
                    os.close(says)
            await self._wait_until_ready(self._line)
            self._init = _first_process(said)
        finally:
            os.close(said)
        (self._waiting_program,) = children_of(self._init)

    def _start_holder(self, line: int, info: int) -> None:
        # Told through a descriptor: a command line could be read from inside.
        argv = (check_bubblewrap(), "--args", "4", "--info-fd", "5", "--", "cat")
        order = Order(argv, "/", {"PATH": "/usr/bin:/bin"}, keep=(0, 4, 5))
        with tempfile.TemporaryFile() as told:
            told.write(
                b"".join(os.fsencode(word) + b"\0" for word in arguments(self._view, privileged=self._privileged))
            )
            told.seek(0)
            self._holder = self._keeper.start(order, [line, line, told.fileno(), info])

    async def _wait_until_ready(self, line: socket.socket) -> None:
        told = bytearray()
        try:
            await asyncio.wait_for(_listen(line, told), OPEN_LIMIT_S)
        except asyncio.TimeoutError:
            told = told or bytearray(b"bubblewrap does not answer")
        if told != b"\n":
            await self.close()
            reason = told.decode(errors="replace").strip() or "bubblewrap ended without a word"
            raise IsolationUnavailable(f"isolation bubblewrap cannot be had here: {reason}")

    def order(self, argv: tuple[str, ...], environment: dict[str, str]) -> Order:
        """How a program is started here."""
        user = (USER, GROUP) if self._privileged else None
        return Order(argv, TASK_ROOT, environment, enter=self._init, limits=self._limits, user=user)

    def strays(self, leaders: Iterable[int]) -> list[int]:
        """Processes of the place that nobody waits for: the kernel gives them to the first one there."""
        return [pid for pid in children_of(self._init) if pid != self._waiting_program] if self._init else []

    def forget_marks(self) -> None:
        """There are none."""

    async def close(self) -> None:
        """End the namespaces, and with them whoever is in them."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._holder is None:
            return
        (pid, exited), self._holder = self._holder, None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await exited
        self._keeper.reap(pid)
