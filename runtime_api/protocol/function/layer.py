"""What may be in a layer: the rules for names, kinds and symbolic links, and for how much there may be.

Sources: the Developer Guide's pages packaging-layers and gettingstarted-limits. The service keeps modes and symbolic links; what leads
out of /opt is refused here, for it would lead somewhere on this machine.
"""

from __future__ import annotations

import stat
from posixpath import dirname, join, normpath, relpath

from runtime_api.protocol.function.function import InvalidFunction
from runtime_api.protocol.limits import LAYER_ENTRIES_LIMIT, UNZIPPED_LIMIT_BYTES

OPT = "/opt"
LINK_TARGET_LIMIT = 4096
# As `unzip` makes files that come without a mode, such as those of a zip made on Windows.
_DEFAULT_FILE_MODE, _DEFAULT_FOLDER_MODE = 0o644, 0o755


class LayerRefused(InvalidFunction):
    """A layer cannot be used; the message names it, the entry, and what is wrong with it."""

    def __init__(self, layer: str, why: str, entry: str | None = None) -> None:
        where = f"layer {layer}" if entry is None else f"layer {layer}, entry {entry!r}"
        super().__init__(f"{where}: {why}")


def entry_path(layer: str, name: str) -> str:
    """The path below /opt an entry's name means, "" for /opt itself; raises LayerRefused."""
    if "\0" in name:
        raise LayerRefused(layer, "the name contains a NUL character", name)
    if name.startswith("/"):
        raise LayerRefused(layer, "the path is absolute; it must be relative to /opt", name)
    if "\\" in name:
        raise LayerRefused(layer, "the path contains a backslash; make the zip with forward slashes", name)
    if ".." in name.split("/"):
        raise LayerRefused(layer, "the path leads out of the layer with '..'", name)
    path = normpath(name)
    if path == ".":
        if not name.endswith("/"):
            raise LayerRefused(layer, "it has no name", name)
        return ""
    return path


def entry_mode(layer: str, name: str, mode: int, *, is_folder: bool) -> int:
    """The mode to give an entry of file mode `mode` (0 when unknown), with its kind; raises LayerRefused for devices and the like."""
    kind = stat.S_IFMT(mode) or (stat.S_IFDIR if is_folder else stat.S_IFREG)
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise LayerRefused(
            layer, "it is a device, a pipe or a socket; a layer has files, folders and symbolic links", name
        )
    if (kind == stat.S_IFDIR) != is_folder:
        raise LayerRefused(layer, "it is a folder by its name or by its mode, and not by the other", name)
    default = _DEFAULT_FOLDER_MODE if is_folder else _DEFAULT_FILE_MODE
    # The bits that change users are lost on the way to the service, too.
    return kind | (stat.S_IMODE(mode) & 0o777 or default)


def link_target(layer: str, path: str, target: str) -> str:
    """The target of a symbolic link at `path`, relative where it was below /opt; raises LayerRefused when it leads out of /opt."""
    if not target or "\0" in target or len(target) > LINK_TARGET_LIMIT:
        raise LayerRefused(layer, "it is a symbolic link without a proper target", path)
    folder = dirname(path)
    below = normpath(relpath(target, OPT) if target.startswith("/") else join(folder, target))
    if below == ".." or below.startswith("../"):
        raise LayerRefused(layer, f"it is a symbolic link to {target}, out of /opt", path)
    return relpath(below, folder or ".") if target.startswith("/") else target


def check_entry_count(layer: str, count: int) -> None:
    """Refuse more files than anybody needs; raises LayerRefused."""
    if count > LAYER_ENTRIES_LIMIT:
        raise LayerRefused(layer, f"it has {count} entries; {LAYER_ENTRIES_LIMIT} are the most")


def check_unzipped_size(layer: str, size_bytes: int) -> None:
    """Refuse more than the service has room for, the function's code included; raises LayerRefused."""
    if size_bytes > UNZIPPED_LIMIT_BYTES:
        raise LayerRefused(
            layer,
            f"Unzipped size must be smaller than {UNZIPPED_LIMIT_BYTES} bytes. The function's code and its layers up to this "
            f"one have {size_bytes} or more",
        )
