"""For which processor dependencies were compiled."""

import struct

import pytest

from layers.entries import LINK, Entry
from layers.errors import DependencyRefused
from layers.function.machines import check_machines
from layers.function.target import Target

X86_64, AARCH64 = 62, 183
ARM = Target("3.13", "arm64")


def library(path: str, machine: int) -> Entry:
    """The header of a binary object, which has nothing else."""
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return Entry(path, identity + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0))


def test_a_package_for_another_processor_is_refused() -> None:
    """File, package and both processors are said."""
    record = Entry("bird-1.0.dist-info/RECORD", b"bird/__init__.py,,\n_song.cpython-313.so,sha256=0,4\n")
    with pytest.raises(DependencyRefused) as refused:
        check_machines([library("_song.cpython-313.so", X86_64), record], ARM)
    assert str(refused.value).startswith(
        "_song.cpython-313.so of bird is compiled for x86_64, and the function is for arm64: build a wheel of bird for "
    )


def test_objects_of_the_target_are_right() -> None:
    """Beside others too, of which a package loads the right one; what is no object is not looked at."""
    check_machines([library("bird/song.so.1.2", AARCH64)], ARM)
    check_machines([library("bird/song_amd64.so", X86_64), library("bird/song_arm64.so", AARCH64)], ARM)
    check_machines([Entry("bird/song.so", b"GROUP ( libsong.so.1 )"), Entry("beak.so", b"bird/song.so", LINK)], ARM)


def test_a_package_for_anywhere_may_have_an_extra_for_one() -> None:
    """It does without on others; a debugger is such a one."""
    record = Entry("bird-1.0.dist-info/RECORD", b"bird/fast.so,,\n")
    wheel = Entry("bird-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    check_machines([library("bird/fast.so", X86_64), record, wheel], ARM)
