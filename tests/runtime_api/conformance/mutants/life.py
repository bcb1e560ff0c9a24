"""Mutants of LIFE."""

import os
import signal
import sys

from .reference import Handler, Response, Runtime, mutant


@mutant("RT-LIFE-001")
class HidesExit(Runtime):
    """It takes a handler that exits for one that returns nothing."""

    def invoke(self, handler: Handler, event: Response) -> None:
        try:
            super().invoke(handler, event)
        except SystemExit:
            self.post_response(event, b"null")
            sys.exit(0)


@mutant("RT-LIFE-002")
class OutlivesTerm(Runtime):
    """It does not hear of SIGTERM."""

    def load(self) -> Handler:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return super().load()


@mutant("RT-LIFE-003")
class LeaksDescriptors(Runtime):
    """Now and then a descriptor stays open."""

    count = 0

    def invoke(self, handler: Handler, event: Response) -> None:
        self.count += 1
        if self.count % 4 == 0:
            os.open(os.devnull, os.O_RDONLY)
        super().invoke(handler, event)
