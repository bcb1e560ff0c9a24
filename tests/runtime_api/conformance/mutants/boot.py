"""Mutants of BOOT."""

import os
import sys
from time import sleep

from .reference import Handler, Runtime, mutant


@mutant("RT-BOOT-001")
class TakesPortOnly(Runtime):
    """It believes the host to be 127.0.0.1, or else any port to do."""

    def address(self) -> str:
        host, _, port = super().address().partition(":")
        return f"127.0.0.1:{port}" if host != "127.0.0.1" else "127.0.0.1:9"


@mutant("RT-BOOT-002")
class OldVersion(Runtime):
    """It speaks of another version."""

    version = "2015-03-31"


@mutant("RT-BOOT-003")
class FixedHandler(Runtime):
    """It knows one handler."""

    def handler_name(self) -> str:
        return "conf.main"


@mutant("RT-BOOT-004")
class LoadsFromWorkingDirectory(Runtime):
    """It loads code from where it was started."""

    def task_root(self) -> str:
        return os.getcwd()


@mutant("RT-BOOT-005")
class LoadsLate(Runtime):
    """It polls first, and loads the function with its first event."""

    def serve(self, handler: Handler) -> None:
        event = self.poll()
        self.loaded = getattr(self, "loaded", None) or super().load()
        self.invoke(self.loaded, event)

    def load(self) -> Handler:
        return lambda event, context: None


@mutant("RT-BOOT-006")
class ObeysProxy(Runtime):
    """It goes where HTTP_PROXY says."""

    def address(self) -> str:
        return os.environ.get("HTTP_PROXY", f"http://{super().address()}").removeprefix("http://")


@mutant("RT-BOOT-007")
class GuessesAddress(Runtime):
    """Without an address it waits for better times."""

    def address(self) -> str:
        while "AWS_LAMBDA_RUNTIME_API" not in os.environ:
            sleep(60)
        return super().address()


@mutant("RT-BOOT-008")
class StartsOnlyOnce(Runtime):
    """It cannot be started a second time in the same task root."""

    def load(self) -> Handler:
        try:
            os.mkdir(os.path.join(self.task_root(), "lock"))
        except FileExistsError:
            sys.exit("it was started before")
        return super().load()
