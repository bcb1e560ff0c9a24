"""Runtimes that break off in a row of events: every case that counts on the whole row has to fail them."""

import sys
from time import sleep

from .reference import Response, Runtime


class StopsPolling(Runtime):
    """After thirty events it takes no more."""

    count = 0

    def poll(self) -> Response:
        self.count += 1
        if self.count > 30:
            sleep(60)
        return super().poll()


class Retires(Runtime):
    """After thirty events it calls it a day."""

    count = 0

    def poll(self) -> Response:
        self.count += 1
        return super().poll() if self.count <= 30 else sys.exit(0)
