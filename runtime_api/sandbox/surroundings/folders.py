"""Where the documented folders of an execution environment are: their own paths where isolation gives them, else stand-ins."""

from __future__ import annotations

import msgspec

# Where a function expects its layers, wherever they are.
OPT = "/opt"


class Folders(msgspec.Struct, frozen=True):
    """Paths as the sandbox's processes see them; `layers` is what /opt is made of on this machine, None where there is none.

    `tmp` is what TMPDIR says, None where /tmp itself is the sandbox's own. `runtime_dir` holds our bootstrap.
    """

    task_root: str
    opt: str
    runtime_dir: str
    tmp: str | None = None
    layers: str | None = None
