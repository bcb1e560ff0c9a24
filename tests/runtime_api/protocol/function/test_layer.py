from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol.function.layer import (
    LayerRefused,
    check_entry_count,
    check_unzipped_size,
    entry_mode,
    entry_path,
    link_target,
)
from runtime_api.protocol.limits import LAYER_ENTRIES_LIMIT, UNZIPPED_LIMIT_BYTES


@pytest.mark.parametrize(
    ("name", "path"),
    [("a", "a"), ("a/b/", "a/b"), ("./a//b", "a/b"), ("./", ""), ("a/.b", "a/.b"), ("..a/b..", "..a/b..")],
)
def test_where_an_entry_goes(name: str, path: str) -> None:
    """Below /opt, whatever way its name is written."""
    assert entry_path("l.zip", name) == path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "the path is absolute; it must be relative to /opt"),
        ("//a", "the path is absolute; it must be relative to /opt"),
        ("../a", "the path leads out of the layer with '..'"),
        ("a/../../b", "the path leads out of the layer with '..'"),
        ("a/..", "the path leads out of the layer with '..'"),
        ("a\\..\\b", "the path contains a backslash; make the zip with forward slashes"),
        ("a\0b", "the name contains a NUL character"),
        (".", "it has no name"),
        ("", "it has no name"),
    ],
)
def test_names_that_are_refused(name: str, why: str) -> None:
    """The layer and the entry are named."""
    with pytest.raises(LayerRefused) as refused:
        entry_path("l.zip", name)
    assert str(refused.value) == f"layer l.zip, entry {name!r}: {why}"


@given(st.text(alphabet="a./\\\0 ", max_size=12))
def test_no_name_leads_out(name: str) -> None:
    """What is let through is a plain relative path."""
    try:
        path = entry_path("l.zip", name)
    except LayerRefused:
        return
    assert not path.startswith("/")
    assert ".." not in path.split("/")


@pytest.mark.parametrize(
    ("mode", "is_folder", "expected"),
    [
        (0o100755, False, stat.S_IFREG | 0o755),
        (0o104755, False, stat.S_IFREG | 0o755),
        (0, False, stat.S_IFREG | 0o644),
        (0, True, stat.S_IFDIR | 0o755),
        (0o600, False, stat.S_IFREG | 0o600),
        (0o040700, True, stat.S_IFDIR | 0o700),
        (0o120777, False, stat.S_IFLNK | 0o777),
    ],
)
def test_modes(mode: int, is_folder: bool, expected: int) -> None:
    """Kept but for the bits that change users; a usual one where there is none."""
    assert entry_mode("l.zip", "a", mode, is_folder=is_folder) == expected


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_and_the_like_are_refused(kind: int) -> None:
    """A layer has files, folders and links."""
    with pytest.raises(LayerRefused, match="entry 'a': it is a device, a pipe or a socket"):
        entry_mode("l.zip", "a", kind | 0o644, is_folder=False)


@pytest.mark.parametrize(("mode", "is_folder"), [(0o040755, False), (0o100644, True), (0o120777, True)])
def test_a_folder_is_one_by_name_and_by_mode(mode: int, is_folder: bool) -> None:
    """An entry that is both is refused."""
    with pytest.raises(LayerRefused, match="a folder by its name or by its mode"):
        entry_mode("l.zip", "a", mode, is_folder=is_folder)


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("lib/a.so", "a.so.1", "a.so.1"),
        ("lib/a.so", "../bin/a", "../bin/a"),
        ("lib/a.so", "..", ".."),
        ("lib/a.so", "/opt/lib/b/../a.so.1", "a.so.1"),
        ("a", "/opt/bin/a", "bin/a"),
        ("bin/a", "/opt", ".."),
    ],
)
def test_links_within_opt(path: str, target: str, expected: str) -> None:
    """Relative ones stay as they are, absolute ones become relative: they are true wherever the layers lie."""
    assert link_target("l.zip", path, target) == expected


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../..", "../../opt", "../../optional/x", "/opt/../etc", "/var/task/x"]
)
def test_links_out_of_opt(target: str) -> None:
    """The target is named."""
    with pytest.raises(LayerRefused) as refused:
        link_target("l.zip", "lib/a", target)
    assert str(refused.value) == f"layer l.zip, entry 'lib/a': it is a symbolic link to {target}, out of /opt"


@pytest.mark.parametrize("target", ["", "a\0b", "a" * 4097])
def test_links_to_nothing_proper(target: str) -> None:
    """No target, a NUL, or a book."""
    with pytest.raises(LayerRefused, match="a symbolic link without a proper target"):
        link_target("l.zip", "a", target)


def test_how_much_there_may_be() -> None:
    """The limit itself is allowed; beyond it the service's words, with the size."""
    check_unzipped_size("l.zip", UNZIPPED_LIMIT_BYTES)
    check_entry_count("l.zip", LAYER_ENTRIES_LIMIT)
    with pytest.raises(LayerRefused) as refused:
        check_unzipped_size("l.zip", UNZIPPED_LIMIT_BYTES + 1)
    assert str(refused.value) == (
        "layer l.zip: Unzipped size must be smaller than 262144000 bytes. The function's code and its layers up to this one have "
        "262144001 or more"
    )
    with pytest.raises(LayerRefused, match="it has 100001 entries; 100000 are the most"):
        check_entry_count("l.zip", LAYER_ENTRIES_LIMIT + 1)
