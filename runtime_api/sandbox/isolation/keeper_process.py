"""The keeper: a small process that starts all others for the platform, and leaves nothing of them when the platform ends.

Strategy: it is started by the path of this file, reads orders from one socket and tells exits on another. A sandbox's processes are
its children, so their exit statuses and the errors of their start are told as they are, and the end of the platform, however
sudden, is the end of the socket: then everything is killed, and the platform's cgroups and temporary folder are removed. On Linux it
adopts what left its process group, so that nobody gets away. A child prepares itself between fork and exec: cgroups, namespaces,
limits, user; what fails there is told by an error number through a pipe that exec closes.

    KEEPER ORDERS EXITS FOLDER PREFIX CGROUP…      two descriptors; the cgroups are PREFIX* in each CGROUP

An order is four bytes of length, big-endian, and JSON; its descriptors come along. Standard library only, and little of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Order = dict[str, Any]

LENGTH = struct.Struct(">I")
EXIT = struct.Struct(">ii")
MOST_DESCRIPTORS = 64

# <linux/prctl.h>, <linux/sched.h>, <asm-generic/unistd.h>
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_CLONE_PARENT, _CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x8000, 0x20000, 0x10000000, 0x20000000
_CLONE_INTO_CGROUP = 0x200000000
# One number everywhere; its argument is a structure of eleven numbers: flags, …, the signal of its end at 4, …, the cgroup at 10.
_SYS_CLONE3 = 435
_CLONE3_ARGUMENTS = struct.Struct("=11Q")
# A cgroup is busy for a moment after its last process.
_CGROUP_ATTEMPTS, _CGROUP_PAUSE_S = 200, 0.005


def main(orders_fd: int, exits_fd: int, folder: str, prefix: str, cgroups: list[str]) -> None:
    """Serve the platform until it goes away."""
    orders, exits = socket.socket(fileno=orders_fd), socket.socket(fileno=exits_fd)
    orders.set_inheritable(False)
    exits.set_inheritable(False)
    keeper = _Keeper(exits)
    # The platform may be gone in the middle of a word.
    with contextlib.suppress(OSError):
        keeper.serve(orders)
    keeper.kill_all()
    _remove(folder, [os.path.join(parent, name) for parent in cgroups for name in _listed(parent, prefix)])


class _Keeper:
    """The children, by process id: True once their exit was told."""

    def __init__(self, exits: socket.socket) -> None:
        self._exits = exits
        self._told: dict[int, bool] = {}
        self._wake, wake = os.pipe()
        for fd in (self._wake, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            # The platform decides when it is over.
            signal.signal(number, signal.SIG_IGN)
        if sys.platform == "linux":
            _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def serve(self, orders: socket.socket) -> None:
        """Follow orders until there is nobody left to give any."""
        while True:
            ready, _, _ = select.select([orders.fileno(), self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._tell_exits()
            if orders.fileno() in ready:
                received = _receive(orders)
                if received is None:
                    return
                self._follow(orders, *received)

    def _follow(self, orders: socket.socket, order: Order, fds: list[int]) -> None:
        if "reap" in order:
            self._reap(order["reap"])
            return
        pid, failure = _start(order, fds)
        if order.get("cgroup") and failure[1:] == [errno.ENOSYS]:
            # An old kernel, or somebody who filters system calls: then the slow way.
            pid, failure = _start({**order, "cgroup": None, "join": [f"{order['cgroup']}/cgroup.procs"]}, fds)
        for fd in fds:
            os.close(fd)
        if not failure:
            self._told[pid] = False
        reply = json.dumps({"failure": failure} if failure else {"pid": pid}).encode()
        orders.sendall(LENGTH.pack(len(reply)) + reply)

    def _reap(self, pid: int) -> None:
        if self._told.pop(pid, None) is not None and hasattr(os, "waitid"):
            os.waitpid(pid, 0)

    def _tell_exits(self) -> None:
        for pid in [pid for pid, told in self._told.items() if not told]:
            returncode = _look(pid)
            if returncode is not None:
                self._told[pid] = True
                self._exits.sendall(EXIT.pack(pid, returncode))
        for pid in _children(os.getpid()):
            if pid not in self._told:
                os.waitpid(pid, os.WNOHANG)

    def kill_all(self) -> None:
        """Kill every descendant, until there is none."""
        signal.set_wakeup_fd(-1)
        for pid in self._told:
            _kill_group(pid)
        while True:
            for pid in _descendants(os.getpid()):
                _kill(pid)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _look(pid: int) -> int | None:
    """The return code, as subprocess has it, of a child that ended; not reaped where the system allows, so its number stays taken."""
    if not hasattr(os, "waitid"):
        ended, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def _receive(orders: socket.socket) -> tuple[Order, list[int]] | None:
    head, fds, _, _ = socket.recv_fds(orders, LENGTH.size, MOST_DESCRIPTORS)
    for fd in fds:
        os.set_inheritable(fd, False)
    while 0 < len(head) < LENGTH.size:
        head += orders.recv(LENGTH.size - len(head))
    if not head:
        return None
    (left,) = LENGTH.unpack(head)
    parts = []
    while left:
        part = orders.recv(left)
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return json.loads(b"".join(parts)), list(fds)


def _start(order: Order, fds: list[int]) -> tuple[int, list[Any]]:
    """The child's process id, and what failed: nothing, or the step and its error number."""
    try:
        says, status = os.pipe()
    except OSError as error:
        return 0, ["prepare", error.errno]
    try:
        pid = os.fork() if order.get("enter") else _fork(order.get("cgroup"))
    except OSError as error:
        os.close(says)
        os.close(status)
        return 0, ["prepare", error.errno]
    if pid == 0:
        _become(order, fds, status)
    os.close(status)
    with os.fdopen(says, "rb") as pipe:
        words = [json.loads(line) for line in pipe]
    if words and isinstance(words[0], int):
        # That child only opened the door for the real one.
        os.waitpid(pid, 0)
        pid = words.pop(0)
    if words:
        os.waitpid(pid, 0)
    return pid, words[0] if words else []


def _become(order: Order, fds: list[int], status: int) -> None:
    """Turn this child into the program; does not return."""
    step = "prepare"
    try:
        joined = [os.open(path, os.O_WRONLY) for path in order.get("join", ())]
        if order.get("enter"):
            _enter(order["enter"], order.get("cgroup"), status)
        for file in joined:
            os.write(file, b"0")
        os.setsid()
        status = _arrange_descriptors([1, *order.get("keep", ())], fds, status)
        _limit(order)
        step = f"chdir {order['cwd']}"
        os.chdir(order["cwd"])
        step = f"fork/exec {order['argv'][0]}"
        os.execve(order["argv"][0], order["argv"], order["env"])
    except OSError as error:
        os.write(status, json.dumps([step, error.errno]).encode() + b"\n")
    finally:
        os._exit(127)


def _fork(cgroup: str | None, flags: int = 0) -> int:
    """Fork, into a cgroup of version 2: to move there afterwards would take its time, for the kernel stops everybody for it."""
    folder = os.open(cgroup, os.O_RDONLY) if cgroup else -1
    try:
        return _clone(flags, folder) if cgroup or flags else os.fork()
    finally:
        # In the child, too.
        if folder >= 0:
            os.close(folder)


def _clone(flags: int, cgroup: int) -> int:
    # The parent of a sibling is told as it is told of this process.
    end = 0 if flags & _CLONE_PARENT else int(signal.SIGCHLD)
    into = _CLONE_INTO_CGROUP if cgroup >= 0 else 0
    arguments = _CLONE3_ARGUMENTS.pack(flags | into, 0, 0, 0, end, 0, 0, 0, 0, 0, max(cgroup, 0))
    buffer = ctypes.create_string_buffer(arguments, len(arguments))
    return _call("syscall", _SYS_CLONE3, ctypes.addressof(buffer), len(arguments))


def _enter(pid: int, cgroup: str | None, status: int) -> None:
    """Join the namespaces of a process. The child that is inside is a sibling of this process, which ends."""
    same_user = os.readlink("/proc/self/ns/user") == os.readlink(f"/proc/{pid}/ns/user")
    kinds = [] if same_user else [("user", _CLONE_NEWUSER)]
    opened = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind) for name, kind in kinds]
    mount = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    opened.append((os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY), _CLONE_NEWPID))
    for fd, kind in opened:
        _call("setns", fd, kind)
    inside = _fork(cgroup, _CLONE_PARENT)
    if inside:
        os.write(status, b"%d\n" % inside)
        os._exit(0)
    _call("setns", mount, _CLONE_NEWNS)


def _arrange_descriptors(targets: list[int], fds: list[int], status: int) -> int:
    """Nothing, the output, and what the program is to keep; `status` moves out of the way."""
    fds = [os.open(os.devnull, os.O_RDONLY), *fds]
    targets = [0, *targets]
    free = max(*targets, 2) + 1
    status, *moved = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, free) for fd in (status, *fds))
    for source, target in zip(moved, targets, strict=True):
        os.dup2(source, target)
    os.dup2(1, 2)
    return status


def _limit(order: Order) -> None:
    for kind, soft, hard in order.get("limits", ()):
        resource.setrlimit(kind, (soft, hard))
    if "user" in order:
        user, group = order["user"]
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    if sys.platform == "linux":
        if order.get("enter"):
            _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # After the change of user, which would clear it.
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


@cache
def _libc() -> ctypes.PyDLL:
    # PyDLL: a child that was cloned behind Python's back must find the interpreter's lock in its own hands.
    return ctypes.PyDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> int:
    result: int = getattr(_libc(), name)(*map(ctypes.c_long, arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for child in _children(pid):
        found += [child, *_descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _listed(parent: str, prefix: str) -> list[str]:
    try:
        return [name for name in os.listdir(parent) if name.startswith(prefix)]
    except OSError:
        return []


def _remove(folder: str, cgroups: list[str]) -> None:
    for path in cgroups:
        for _ in range(_CGROUP_ATTEMPTS):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(_CGROUP_PAUSE_S)
    if os.path.isdir(folder):
        import shutil  # seldom needed, and slow to import

        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
