"""What objects need of glibc, and the repair of what can be repaired."""

import ctypes.util
import glob
import os
from pathlib import Path

import pytest

from layers.errors import GlibcTooNew, SourceRefused
from layers.interpreter import elf
from tests.layers.bare_root import need_bare_root
from tests.layers.conftest import PYENV


def newest(folders: list[str], symbol: bytes) -> Path:
    """An object that asks for a glibc above the limit for that symbol, or the test is skipped."""
    for name in folders:
        for path in map(Path, sorted(glob.glob(name))):
            content = path.read_bytes()
            if symbol in content and elf.read(content, name).glibc > elf.GLIBC_LIMIT:
                return path
    pytest.skip("nothing on this machine needs a glibc newer than 2.34")


def test_the_one_known_case_is_repaired_in_place() -> None:
    """`hypot` is taken in its first version; size and everything else stay."""
    path = newest([f"{PYENV}/3.1*/lib/python3.1*/lib-dynload/cmath*.so"], b"hypot")
    before = path.read_bytes()
    after = elf.within_limit(before, path.name)
    assert elf.read(after, path.name).glibc <= elf.GLIBC_LIMIT
    assert len(after) == len(before)
    assert sum(old != new for old, new in zip(before, after, strict=True)) <= 8
    assert elf.within_limit(after, path.name) == after


def test_anything_else_is_refused_by_name() -> None:
    """Object, version and symbol are said, and where to get another interpreter."""
    path = newest([f"{need_bare_root()}/lib/x86_64-linux-gnu/*.so*"], b"GLIBC_2.36")
    with pytest.raises(GlibcTooNew) as refused:
        elf.within_limit(path.read_bytes(), path.name)
    assert str(refused.value).startswith(f"{path.name} needs GLIBC_2.3")
    assert "Lambda has glibc 2.34: take an interpreter that was built on an older system" in str(refused.value)
    assert "no symbol by name" not in str(refused.value)


def test_what_is_told_of_an_object() -> None:
    """Its libraries by name, of which the C library is one."""
    library = ctypes.util.find_library("z")
    places = glob.glob(f"/lib/*/{library}") + glob.glob(f"/usr/lib*/{library}")
    if not places:
        pytest.skip("there is no libz on this machine")
    found = elf.read(Path(os.path.realpath(places[0])).read_bytes(), "libz")
    assert "libc.so.6" in found.libraries
    assert found.glibc >= (2, 2)


def test_a_damaged_object_is_refused() -> None:
    """It is named."""
    with pytest.raises(SourceRefused, match=r"broken\.so is not a binary object that can be read"):
        elf.read(elf.MAGIC + b"\x02\x01\x01", "broken.so")


def test_other_versions_are_no_glibc() -> None:
    """Libraries have versions of their own."""
    assert elf.Record(0, "GLIBC_2.34", 2).glibc == (2, 34)
    assert elf.Record(0, "GLIBC_PRIVATE", 2).glibc == ()
    assert elf.Record(0, "OPENSSL_3.0.0", 2).glibc == ()
