"""Supervisor: one process for each invocation that may run at the same time, and one that looks after them.

Strategy: the supervisor is forked before anything of the function is loaded, never runs code of it, and does nothing
but wait for signals: SIGCHLD (a worker ended), SIGIO (a worker said something), SIGTERM and SIGINT (passed on to
every worker, and waited for). The signals are blocked and taken one by one, so none is missed. Each worker is tied to
it by a pair of sockets. Over that it says how far it has come; and when the supervisor is gone, however that came
about, the kernel ends the worker.

    one byte    of a worker that         makes the supervisor
    l           has loaded the handler   start the others, after the first of these
    a           ... and serves them all  start no others
    s           has got an event         replace it when it ends

A worker that ends before it got an event would only end again: it takes the others with it, and its exit status is
the one of the sandbox.
"""

import _socket
import os
import sys

from ..logs import complain, flush_output
from ..surroundings.library import StandardLibrary

with StandardLibrary():
    import fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import NoReturn
else:
    import _signal  # what `signal` wraps, without the import of `enum`

LOADED = b"l"
LOADED_FOR_ALL = b"a"
SERVED = b"s"
SAID_BYTES_MAX = 16
EXIT_BY_SIGNAL = 128
# Longer than that Lambda waits for nobody: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
STOP_S_MAX = 2.0
NEWS = (_signal.SIGCHLD, _signal.SIGIO)
STOPS = (_signal.SIGTERM, _signal.SIGINT)


class Link:
    """A worker's side: what it tells the supervisor. `is_first` says whether it acts for the sandbox as a whole."""

    def __init__(self, sock: _socket.socket, *, is_first: bool) -> None:
        self._socket = sock
        self.is_first = is_first
        _signal_on_input(sock, getattr(fcntl, "F_SETSIG", None))

    def tell(self, word: bytes) -> None:
        """Tell the supervisor how far this worker has come."""
        try:
            self._socket.send(word)
        except OSError as error:  # the function has closed the descriptor, maybe along with all others
            complain(f"worker {os.getpid()} cannot tell how far it has come: {error}")


def fork_workers(count: int) -> Link:
    """Become the supervisor of that many workers; this returns in each of the workers, and there only."""
    flush_output()  # what is buffered here would be printed by everyone
    return Supervisor(count).run()


class Supervisor:
    """The process that looks after the workers."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._workers: dict[int, Worker] = {}
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # whoever ignores it, does not hear of them
        stops = [number for number in STOPS if _signal.getsignal(number) != _signal.SIG_IGN]
        self._watched = (*NEWS, *stops)
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, self._watched)

    def run(self) -> Link:
        """Start workers and look after them; returns in the workers."""
        link = self._start(is_first=True)
        while link is None:
            number = _signal.sigwait(self._watched)
            if number not in NEWS:
                self._stop(number)
                _end_by(number)
            link = self._reap() or self._fill()
        return link

    def _start(self, *, is_first: bool = False) -> "Link | None":
        """Fork a worker. Returns its link in the worker, and None in the supervisor."""
        ours, theirs = _socket.socketpair()
        made = Worker(ours)  # all ears before it can say anything
        supervisor = os.getpid()
        pid = os.fork()
        if pid:
            theirs.close()
            self._workers[pid] = made
            return None
        for worker in (made, *self._workers.values()):
            worker.socket.close()
        link = Link(theirs, is_first=is_first)
        if os.getppid() != supervisor:  # it ended before the link was there
            os._exit(1)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)
        return link

    def _fill(self) -> "Link | None":
        """Once the first worker has loaded the handler, start the others."""
        said = b"".join(worker.said() for worker in self._workers.values())
        while LOADED in said and len(self._workers) < self._count:
            link = self._start()
            if link is not None:
                return link
        return None

    def _reap(self) -> "Link | None":
        """Take leave of workers that ended, and replace them."""
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG) if self._workers else (0, 0)
            if not pid:
                return None
            worker = self._workers.pop(pid, None)
            if worker is None:  # an orphan, of which the first process of a container is heir
                continue
            said = worker.said()
            worker.socket.close()
            if SERVED not in said:
                self._stop(_signal.SIGTERM)
                _end_with(status)
            complain(f"worker {pid} ended with {_describe(status)}; another one takes its place")
            link = self._start()
            if link is not None:
                return link

    def _stop(self, number: int) -> None:
        """Pass a signal on to all workers and wait for their end; those that take too long are killed."""
        self._send(number)
        _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGALRM,))
        _signal.setitimer(_signal.ITIMER_REAL, STOP_S_MAX)
        while self._workers:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            self._workers.pop(pid, None)
            if not pid and _signal.sigwait((_signal.SIGCHLD, _signal.SIGALRM)) == _signal.SIGALRM:
                self._send(_signal.SIGKILL)

    def _send(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)


class Worker:
    """The supervisor's side of a worker."""

    def __init__(self, sock: _socket.socket) -> None:
        self.socket = sock
        self._said = b""
        _signal_on_input(sock)

    def said(self) -> bytes:
        """All it said so far."""
        try:
            self._said += self.socket.recv(SAID_BYTES_MAX, _socket.MSG_DONTWAIT)
        except OSError:
            return self._said  # nothing new, or its end
        return self._said


def _signal_on_input(sock: _socket.socket, signal_option: "int | None" = None) -> None:
    """Have the kernel send this process SIGIO, or SIGKILL where that can be chosen, when the other end does anything."""
    fd = sock.fileno()
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    if signal_option is not None:
        fcntl.fcntl(fd, signal_option, _signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def _end_with(status: int) -> "NoReturn":
    if os.WIFSIGNALED(status):
        _end_by(os.WTERMSIG(status))
    sys.exit(os.WEXITSTATUS(status) or 1)


def _end_by(number: int) -> "NoReturn":
    """End as a process ends that did nothing about this signal."""
    flush_output()
    if number == _signal.SIGINT:
        raise KeyboardInterrupt
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    os._exit(EXIT_BY_SIGNAL + number)  # the first process of a container is spared its own signals


def _describe(status: int) -> str:
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
