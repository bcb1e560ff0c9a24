"""The platform's side of the keeper: orders go out, exits come in.

A start is answered while its caller waits, in a millisecond or so: the answer is the process, or why it cannot be started. Exits
arrive on the event loop. A keeper that is gone takes everything with it; the next start has a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from runtime_api.sandbox.isolation import keeper_process
from runtime_api.sandbox.isolation.keeper_process import EXIT, LENGTH
from runtime_api.sandbox.isolation.members import children_of
from runtime_api.sandbox.surroundings.runtimes import LaunchFailed

# Only a machine that stands still takes this long to fork.
_ANSWER_LIMIT_S = 30.0
# Too many descriptors or processes: the platform's trouble, not the runtime's.
_OUR_OWN_LIMITS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program to start.

    `keep` are the numbers of further descriptors it gets, `cgroup` the folder of a cgroup of version 2 it is born in, `join` the files of
    cgroups of version 1 it writes itself into, `enter` a process whose namespaces it joins, `limits` triples of a resource, its soft and
    its hard limit, `user` its user and group.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    keep: tuple[int, ...] = ()
    cgroup: str | None = None
    join: tuple[str, ...] = ()
    enter: int | None = None
    limits: tuple[tuple[int, int, int], ...] = ()
    user: tuple[int, int] | None = None


class Answer(msgspec.Struct, frozen=True):
    """The process that was started, or the step that failed and its error number."""

    pid: int = 0
    failure: tuple[str, int] | None = None


_encode = msgspec.json.Encoder().encode
_decode_answer = msgspec.json.Decoder(Answer).decode


class Keeper:
    """Starts processes. `folder` is removed with everything below it when the platform ends, and cgroups of `prefix` in `cgroups`."""

    def __init__(self, folder: str, prefix: str = "", cgroups: Sequence[str] = ()) -> None:
        self._arguments = (folder, prefix, *cgroups)
        self._process: subprocess.Popen[bytes] | None = None
        self._exited: dict[int, asyncio.Future[int]] = {}

    @property
    def pid(self) -> int:
        """The keeper's own process; everything started is a child of it."""
        return self.open().pid

    def open(self) -> subprocess.Popen[bytes]:
        """Start the keeper itself, unless it is there."""
        if self._process is not None:
            return self._process
        self._loop = asyncio.get_running_loop()
        self._orders, orders = socket.socketpair()
        self._exits, exits = socket.socketpair()
        with orders, exits:
            self._process = _start_keeper(orders.fileno(), exits.fileno(), self._arguments)
        self._orders.settimeout(_ANSWER_LIMIT_S)
        self._exits.setblocking(False)
        self._unread = b""
        self._loop.add_reader(self._exits.fileno(), self._hear)
        return self._process

    def start(self, order: Order, fds: Sequence[int]) -> tuple[int, asyncio.Future[int]]:
        """Start it with the first descriptor as its output: its process id, and what its return code, as subprocess has it, will be.

        Raises LaunchFailed when it is the program's fault, OSError when it is not.
        """
        self.open()
        answer = self._ask(_encode(order), fds)
        if answer.failure is not None:
            raise _failure(*answer.failure)
        exited = self._exited[answer.pid] = self._loop.create_future()
        return answer.pid, exited

    def adopted(self) -> list[int]:
        """The processes that came to the keeper because their parents are gone."""
        return (
            [] if self._process is None else [pid for pid in children_of(self._process.pid) if pid not in self._exited]
        )

    def _ask(self, order: bytes, fds: Sequence[int]) -> Answer:
        try:
            socket.send_fds(self._orders, [LENGTH.pack(len(order))], list(fds))
            self._orders.sendall(order)
            (size,) = LENGTH.unpack(_exactly(self._orders, LENGTH.size))
            return _decode_answer(_exactly(self._orders, size))
        except OSError:
            self._lost()
            raise

    def reap(self, pid: int) -> None:
        """Let an exited process's number go; nothing may be sent to its group any more."""
        if self._exited.pop(pid, None) is None or self._process is None:
            return
        order = json.dumps({"reap": pid}).encode()
        with contextlib.suppress(OSError):
            self._orders.sendall(LENGTH.pack(len(order)) + order)

    async def close(self) -> None:
        """Have everything killed that is left, and wait for the keeper to go."""
        process = self._process
        if process is None:
            return
        self._disconnect()
        await asyncio.to_thread(process.wait)
        self._give_up()

    def _hear(self) -> None:
        try:
            data = self._exits.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._unread += data
        whole = len(self._unread) // EXIT.size * EXIT.size
        told, self._unread = self._unread[:whole], self._unread[whole:]
        for pid, returncode in EXIT.iter_unpack(told):
            exited = self._exited[pid]
            # Somebody who waited for it may have been cancelled, and it with him.
            if not exited.done():
                exited.set_result(returncode)

    def _lost(self) -> None:
        """The keeper is gone, and with it who was told to kill what it started."""
        process = self._process
        if process is None:
            return
        self._disconnect()
        process.kill()
        process.wait()
        self._give_up()

    def _give_up(self) -> None:
        for pid, exited in self._exited.items():
            if not exited.done():
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
                exited.set_result(-signal.SIGKILL)

    def _disconnect(self) -> None:
        self._process = None
        self._loop.remove_reader(self._exits.fileno())
        self._orders.close()
        self._exits.close()


def _start_keeper(orders: int, exits: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", keeper_process.__file__, str(orders), str(exits), *arguments],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(orders, exits),
        start_new_session=True,
    )


def _failure(step: str, number: int) -> Exception:
    if step == "prepare" or number in _OUR_OWN_LIMITS:
        return OSError(number, os.strerror(number))
    return LaunchFailed(f"{step}: {os.strerror(number).lower()}")


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "the process that starts sandboxes is gone")
        data += part
    return data
