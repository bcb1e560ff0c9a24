"""The runtime as the first process of a container, which no signal ends that has no handler: SIGTERM gets one here.

Lambda has a first process of its own, and starts the runtime without this.
"""

import os
import runpy
import signal
import sys

BOOTSTRAP = "/var/pilotlight/bootstrap"


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    # As if it had been started itself: a script's folder comes first, and it takes its own away.
    sys.path[0] = BOOTSTRAP
    runpy.run_path(f"{BOOTSTRAP}/__main__.py", run_name="__main__")
