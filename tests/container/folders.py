"""Where things are."""

from __future__ import annotations

from pathlib import Path

import container

CONTAINER = Path(container.__file__).parent
INSIDE = CONTAINER / "inside"
DEPLOY = CONTAINER / "deploy"
PEERS = CONTAINER.parent / ".peers"
