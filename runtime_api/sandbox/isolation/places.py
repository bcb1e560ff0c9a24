"""Makes places, and owns what they share: the keeper, the merged layers, the files of /etc, one temporary folder.

    FOLDER/opt-N      merged layers        FOLDER/tmp-…      TMPDIR of a place        FOLDER/etc      a few files for bubblewrap

The folder is the keeper's to remove when the platform ends without a word.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from runtime_api.protocol.clock import Clock
from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.isolation.bubblewrap import (
    ETC_FILES,
    BubblewrapIsolation,
    View,
    check_bubblewrap,
    program_prefixes,
)
from runtime_api.sandbox.isolation.cgroups import CONTROLLERS, Cgroup, Parents, find_parents
from runtime_api.sandbox.isolation.isolated_place import IsolatedPlace, Isolation
from runtime_api.sandbox.isolation.keeper import Keeper
from runtime_api.sandbox.isolation.plain import PlainIsolation
from runtime_api.sandbox.surroundings import layers
from runtime_api.sandbox.surroundings.folders import OPT, Folders
from runtime_api.sandbox.surroundings.runtimes import (
    BOOTSTRAP_FOLDER,
    LaunchFailed,
    find_program,
    has_program,
    interpreter_of,
    interpreter_prefixes,
)

_MIB = 1 << 20
# What the folder and the cgroups of a platform are called, before a few random letters.
NAME = "pilotlight-"


class Places:
    """Makes the places of one platform; `close` once every place is closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.folder: Path | None = None
        self._keeper: Keeper | None = None
        self.cgroups = Parents()
        self.name = ""
        self._merged: dict[tuple[str, tuple[str, ...], layers.Fingerprint], Path] = {}
        self._merging = asyncio.Lock()

    async def check(self, function: Function) -> None:
        """See that places for a function can be made, and get ready for it; raises LayerRefused or IsolationUnavailable."""
        if function.isolation == "bubblewrap":
            check_bubblewrap()
        await self._layers(function)
        # It takes some milliseconds, which the first sandbox would wait for.
        self._open().open()

    async def make(self, function: Function) -> IsolatedPlace:
        """A new place; raises LayerRefused or IsolationUnavailable, and OSError when this machine is out of something."""
        merged = await self._layers(function)
        if function.isolation == "bubblewrap":
            return self._place(function, await self._bubblewrap(function, self._open(), merged))
        return self.make_plain(function, merged)

    def make_plain(self, function: Function, merged: Path | None = None) -> IsolatedPlace:
        """A new place of isolation `process`, with layers that are merged already."""
        return self._place(function, self._plain(function, self._open(), merged))

    def _place(self, function: Function, isolation: Isolation) -> IsolatedPlace:
        return IsolatedPlace(function, self._clock, self._open(), isolation, self._cgroup(function, isolation.tmpfs_mb))

    def _plain(self, function: Function, keeper: Keeper, merged: Path | None) -> PlainIsolation:
        assert self.folder is not None
        tmp = tempfile.mkdtemp(prefix="tmp-", dir=self.folder)
        opt = str(merged) if merged is not None else OPT
        layers_folder = opt if merged is not None else None
        return PlainIsolation(keeper, Folders(function.task_root, opt, str(BOOTSTRAP_FOLDER), tmp, layers_folder))

    async def _bubblewrap(self, function: Function, keeper: Keeper, merged: Path | None) -> BubblewrapIsolation:
        layers_folder = str(merged) if merged is not None else None
        etc, programs = str(self._etc()), _programs(function, merged)
        view = View(function.task_root, layers_folder, str(BOOTSTRAP_FOLDER), etc, programs, function.tmp_mb)
        isolation = BubblewrapIsolation(keeper, view)
        try:
            await isolation.open()
        except BaseException:
            await isolation.close()
            raise
        return isolation

    def _cgroup(self, function: Function, tmpfs_mb: int) -> Cgroup | None:
        if not self.cgroups.folders:
            return None
        # What is written to a tmpfs is charged as memory, and the limit must leave room for it.
        limit_bytes = (function.memory_mb + tmpfs_mb) * _MIB
        wanted = CONTROLLERS if function.cpu_share else ("memory", "pids")
        try:
            return Cgroup(self.cgroups.only(wanted), f"{self.name}{secrets.token_hex(8)}", limit_bytes)
        except OSError:
            return None

    async def _layers(self, function: Function) -> Path | None:
        """The merged layers of a function, None when it has none."""
        if not function.layers:
            return None
        async with self._merging:
            seen = await asyncio.to_thread(layers.fingerprint, function.layers)
            key = (function.task_root, function.layers, seen)
            if key not in self._merged:
                self._open()
                assert self.folder is not None
                into = self.folder / f"opt-{len(self._merged)}"
                await asyncio.to_thread(layers.merge, function.layers, function.task_root, into)
                self._merged[key] = into
            return self._merged[key]

    def _open(self) -> Keeper:
        if self._keeper is None:
            self.name = f"{NAME}{secrets.token_hex(4)}-"
            self.cgroups = find_parents(f"{self.name}probe")
            self.folder = Path(tempfile.mkdtemp(prefix=NAME))
            # Sandboxes with a user of their own go through it, to what they may read.
            self.folder.chmod(0o711)
            parents = sorted(set(self.cgroups.folders.values()))
            self._keeper = Keeper(str(self.folder), self.name, parents)
        return self._keeper

    def _etc(self) -> Path:
        assert self.folder is not None
        folder = self.folder / "etc"
        if not folder.is_dir():
            folder.mkdir()
            for name, text in ETC_FILES.items():
                (folder / name).write_text(text)
                (folder / name).chmod(0o644)
        return folder

    async def close(self) -> None:
        """End the keeper and whatever it still has, and remove the folder."""
        if self._keeper is not None:
            await self._keeper.close()
        if self.folder is not None:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


def _programs(function: Function, merged: Path | None) -> tuple[str, ...]:
    """What must be seen of this machine for the function's runtime to run."""
    if function.runtime == "python":
        python = interpreter_of(function)
        return tuple(dict.fromkeys((*program_prefixes(python), *interpreter_prefixes(python))))
    program = function.command[0] if function.command else ""
    if function.runtime == "provided" or ("/" in program and not os.path.isabs(program)):
        # in the task root, or in a layer
        return ()
    try:
        path = find_program(program, OPT, merged)
        return () if has_program(merged, path) else program_prefixes(path)
    except LaunchFailed:
        # said again, and heard, when it is started
        return ()
