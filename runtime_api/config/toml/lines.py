"""On which line of a TOML text each key stands, which the parser of the standard library does not tell.

Strategy: the text has been parsed before, so it is correct, and a few kinds of tokens are enough to follow its keys: strings (which
may span lines and hold anything), comments, bare words, and the punctuation of tables and arrays. Values are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runtime_api.config.document import KeyPath
from runtime_api.config.toml.parser import loads

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|[A-Za-z0-9_+:-]+"
    r"|[\[\]{}=,.\n]",
    re.DOTALL,
)
_COMMENT_OR_TOKEN = re.compile(rf"#[^\n]*|(?P<token>{_TOKEN.pattern})", re.DOTALL)


def lines_of(text: str) -> dict[KeyPath, int]:
    """The line, from 1 on, of each key and each entry of an array in a correct TOML text."""
    scan = _Scan(text.replace("\r\n", "\n"))
    scan.document()
    return scan.lines


class _Scan:
    """Goes through the tokens once, with the next one in view."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}
        self._tokens = _tokens(text)
        self._step()

    def _step(self) -> str:
        """Take the token in view."""
        taken = getattr(self, "_token", "")
        self._token, self._line = next(self._tokens, ("", 0))
        return taken

    def document(self) -> None:
        table: KeyPath = ()
        while self._token:
            if self._token == "[":
                table = self._header()
            elif self._token == "\n":
                self._step()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        line = self._line
        self._step()
        is_array = self._token == "["
        if is_array:
            self._step()
        path = self._keys(())
        while self._token == "]":
            self._step()
        if not is_array:
            return path
        index = self._counts[path] = self._counts.get(path, -1) + 1
        entry = (*path, index)
        self.lines[entry] = line
        return entry

    def _pair(self, table: KeyPath) -> None:
        path = self._keys(table)
        self._step()
        self._value(path)

    def _keys(self, table: KeyPath) -> KeyPath:
        """A key, dotted or not, with the line noted for each part that is new."""
        path = table
        while True:
            line, key = self._line, _unquoted(self._step())
            # Below an array of tables a key means its last entry.
            path = (*path, key)
            self.lines.setdefault(path, line)
            if path in self._counts and self._token == ".":
                path = (*path, self._counts[path])
            if self._token != ".":
                return path
            self._step()

    def _value(self, path: KeyPath) -> None:
        if self._token == "{":
            self._inline_table(path)
        elif self._token == "[":
            self._array(path)
        else:
            while self._token not in ("", "\n", ",", "]", "}"):
                self._step()

    def _inline_table(self, path: KeyPath) -> None:
        self._step()
        while self._token != "}":
            if self._token in (",", "\n"):
                self._step()
            else:
                self._pair(path)
        self._step()

    def _array(self, path: KeyPath) -> None:
        self._step()
        index = 0
        while self._token != "]":
            if self._token in (",", "\n"):
                self._step()
            else:
                entry = (*path, index)
                self.lines[entry] = self._line
                self._value(entry)
                index += 1
        self._step()


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, start = 1, 0
    for found in _COMMENT_OR_TOKEN.finditer(text):
        line += text.count("\n", start, found.start())
        start = found.start()
        if found["token"] is not None:
            yield found["token"], line


def _unquoted(key: str) -> str:
    if key[0] not in "\"'":
        return key
    value: str = loads(f"key = {key}")["key"]
    return value
