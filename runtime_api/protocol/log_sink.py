"""The shape of a log sink: who is given a function's name and its log as text, piece by piece, as it is written."""

from __future__ import annotations

from collections.abc import Callable

LogSink = Callable[[str, bytes], None]
