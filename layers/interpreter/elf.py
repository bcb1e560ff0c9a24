"""Binary objects: which libraries and which versions of glibc one needs, and the repair of the one case that can be repaired.

Lambda's Amazon Linux 2023 has glibc 2.34 (https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html), and its loader refuses an
object that names a newer version anywhere, used or not. Distributions with glibc 2.35 and later give the C function `hypot` such
a version for a change of speed; the function of old is still there under the oldest version, so the record that asks for the
new one is pointed at that, in place: object and size stay as they are.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import msgspec
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerSymSection
from elftools.elf.sections import StringTableSection, SymbolTableSection

from layers.errors import GlibcTooNew, SourceRefused

GLIBC_LIMIT = (2, 34)
MAGIC = b"\x7fELF"
_PREFIX = "GLIBC_"
# The version glibc began with on a machine, which all its first functions have.
_FIRST_VERSIONS = {"x64": "GLIBC_2.2.5", "AArch64": "GLIBC_2.17"}
_SEARCH = ("rpath", "runpath")
# Functions that behave alike in their newest and their first version.
_REPAIRABLE = {"hypot", "hypotf"}
# Elfxx_Verneed: version, number of records, library, offset of the first record, offset of the next library;
# Elfxx_Vernaux: hash, flags, index of the symbols that use it, name, offset of the next record.
_VERNEED, _VERNAUX = struct.Struct("<HHIII"), struct.Struct("<IHHII")


class Record(msgspec.Struct, frozen=True):
    """One version an object asks of a library: where that is written, its name, and the index its symbols carry."""

    offset: int
    version: str
    index: int

    @property
    def glibc(self) -> tuple[int, ...]:
        """The glibc it stands for, such as (2, 34); empty when it is something else."""
        number = self.version.removeprefix(_PREFIX)
        is_glibc = number != self.version and number.replace(".", "").isdecimal()
        return tuple(map(int, number.split("."))) if is_glibc else ()


class Object(msgspec.Struct, frozen=True):
    """What was read of an object. `search` are the folders it looks for libraries in, by its own account."""

    kind: str
    libraries: tuple[str, ...]
    search: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def glibc(self) -> tuple[int, ...]:
        """The newest glibc it asks for."""
        return max((record.glibc for record in self.records), default=())


def read(content: bytes, name: str) -> Object:
    """Read an object; raises SourceRefused when it is damaged."""
    try:
        elf = ELFFile(io.BytesIO(content))
        return Object(
            kind=f"{elf.get_machine_arch()}-{elf.elfclass}",
            libraries=tuple(_told(elf, "needed")),
            search=tuple(folder for kind in _SEARCH for folders in _told(elf, kind) for folder in folders.split(":")),
            records=tuple(_records(elf, content)),
        )
    except (ELFError, struct.error, UnicodeDecodeError) as error:
        raise SourceRefused(f"{name} is not a binary object that can be read: {error}") from None


def within_limit(content: bytes, name: str) -> bytes:
    """The object, repaired if need be, so that Lambda's glibc suffices; raises GlibcTooNew, SourceRefused."""
    for record in read(content, name).records:
        if record.glibc > GLIBC_LIMIT:
            content = _repaired(content, record, name)
    return content


def _repaired(content: bytes, record: Record, name: str) -> bytes:
    elf = ELFFile(io.BytesIO(content))
    symbols = list(_symbols(elf, record.index))
    first = _FIRST_VERSIONS.get(elf.get_machine_arch(), "")
    strings = elf.get_section_by_name(".dynstr")
    place = strings.data().find(b"\0" + first.encode() + b"\0") if strings and first else -1
    if not symbols or set(symbols) - _REPAIRABLE or place < 0:
        limit = ".".join(map(str, GLIBC_LIMIT))
        raise GlibcTooNew(
            f"{name} needs {record.version} ({', '.join(symbols) or 'no symbol by name'}), and Lambda has glibc {limit}: "
            "take an interpreter that was built on an older system, such as one of Amazon Linux 2023 or of python-build-standalone"
        )
    _, flags, index, _, following = _VERNAUX.unpack_from(content, record.offset)
    new = bytearray(content)
    _VERNAUX.pack_into(new, record.offset, _hash(first), flags, index, place + 1, following)
    return bytes(new)


def _told(elf: ELFFile, kind: str) -> Iterator[str]:
    """What an object tells the loader: the values of one kind."""
    section = elf.get_section_by_name(".dynamic")
    if isinstance(section, DynamicSection):
        yield from (getattr(tag, kind) for tag in section.iter_tags() if hasattr(tag, kind))


def _records(elf: ELFFile, content: bytes) -> Iterator[Record]:
    section = elf.get_section_by_name(".gnu.version_r")
    if section is None:
        return
    strings = elf.get_section(section["sh_link"])
    assert isinstance(strings, StringTableSection)
    library = section["sh_offset"]
    for _ in range(section["sh_info"]):
        _, count, _, first, following = _VERNEED.unpack_from(content, library)
        place = library + first
        for _ in range(count):
            _, _, index, name, step = _VERNAUX.unpack_from(content, place)
            yield Record(place, strings.get_string(name), index)
            place += step
        library += following


def _symbols(elf: ELFFile, index: int) -> Iterator[str]:
    """The names of the symbols that ask for a version."""
    versions, names = elf.get_section_by_name(".gnu.version"), elf.get_section_by_name(".dynsym")
    if isinstance(versions, GNUVerSymSection) and isinstance(names, SymbolTableSection):
        for number in range(versions.num_symbols()):
            if versions.get_symbol(number)["ndx"] == index:
                yield names.get_symbol(number).name


def _hash(name: str) -> int:
    """The hash of the System V ABI, by which the loader compares versions."""
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value
