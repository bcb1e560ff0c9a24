"""Mutants of NEXT."""

import os
import select
import signal
import threading
from time import monotonic, sleep

from .breaking_off import Retires, StopsPolling
from .reference import Handler, Response, Runtime, Wire, mutant


@mutant("RT-NEXT-001")
class TimesOut(Runtime):
    """It gives up a poll after a while, and asks again."""

    def poll(self) -> Response:
        while True:
            self.wire.connect().settimeout(0.25)
            try:
                return super().poll()
            except TimeoutError:
                self.wire.close()


@mutant("RT-NEXT-002")
class MistrustsSleep(Runtime):
    """It throws the connection away when much time has passed without it."""

    def poll(self) -> Response:
        self.wire.send("GET", f"/{self.version}/runtime/invocation/next", {}, b"")
        before = monotonic()
        while not select.select([self.wire.connect()], [], [], 0.05)[0]:
            if monotonic() - before > 0.5:
                break
            before = monotonic()
        if monotonic() - before > 0.5:
            self.wire.close()
            return self.poll()
        return self.wire.receive()


@mutant("RT-NEXT-003")
class PollsTwice(Runtime):
    """It has a second poll open, on a connection of its own."""

    def load(self) -> Handler:
        threading.Thread(target=self.poll_aside, daemon=True).start()
        return super().load()

    def poll_aside(self) -> None:
        """One more poll, whose event is answered all the same."""
        aside = Runtime()
        aside.wire = Wire(self.address())
        while True:
            aside.serve(lambda event, context: event)


@mutant("RT-NEXT-004")
class PollsBeforeAccepted(Runtime):
    """It does not wait until its answer is taken."""

    def post_response(self, event: Response, body: bytes) -> None:
        aside = Wire(self.address())
        headers = self.answer_headers(event) | {"Content-Length": str(len(body))}
        aside.send("POST", f"/{self.version}{self.path_of(event, 'response')}", headers, body)
        self.unanswered = [*getattr(self, "unanswered", []), aside]


@mutant("RT-NEXT-004")
class PollsAhead(Runtime):
    """It asks for the next event as soon as it has one."""

    def load(self) -> Handler:
        self.ahead = Wire(self.address())
        self.ask()
        return super().load()

    def ask(self) -> None:
        """A poll without waiting for what it brings."""
        self.ahead.send("GET", f"/{self.version}/runtime/invocation/next", {}, b"")

    def poll(self) -> Response:
        event = self.ahead.receive()
        self.ask()
        return event


@mutant("RT-NEXT-005")
class CrashesOnRefusal(Runtime):
    """A 500 ends it by a signal."""

    def next_refused(self, answer: Response) -> None:
        if answer.status == 500:
            os.kill(os.getpid(), signal.SIGSEGV)
        super().next_refused(answer)


@mutant("RT-NEXT-006")
class HammersOnRefusal(Runtime):
    """A 403 makes it ask again at once."""

    def next_refused(self, answer: Response) -> None:
        if answer.status != 403:
            super().next_refused(answer)
        sleep(0.02)


@mutant("RT-NEXT-007")
class HangsOnCut(Runtime):
    """It waits for ever once its connection is gone."""

    def poll(self) -> Response:
        try:
            return super().poll()
        except OSError:
            sleep(60)
            raise


@mutant("RT-NEXT-008")
class MixesUp(Runtime):
    """Now and then it answers with the result of the event before."""

    before = b"null"
    count = 0

    def post_response(self, event: Response, body: bytes) -> None:
        self.count += 1
        super().post_response(event, self.before if self.count % 20 == 0 else body)
        self.before = body


mutant("RT-NEXT-008")(StopsPolling)
mutant("RT-NEXT-008")(Retires)
