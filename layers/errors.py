"""What can be wrong with a build, by whose move it is.

BuildRefused              the message says what, where, and what to do
├── InterpreterUnusable   it is no CPython we can ship, or cannot be run
├── GlibcTooNew           it needs symbols that Lambda's glibc does not have
├── ToolMissing           a program of the system is not installed
├── ToolFailed            such a program ended with an error
├── SourceRefused         a folder or file that was to go in cannot
├── DependencyRefused     a dependency cannot be had for the target
└── TooLarge              Lambda takes no more
"""

from __future__ import annotations


class BuildRefused(Exception):
    """No zip is made; nothing of an earlier one was touched."""


class InterpreterUnusable(BuildRefused):
    """The interpreter that was named cannot be shipped, or cannot be run."""


class GlibcTooNew(BuildRefused):
    """An object needs a newer glibc than Lambda has; the message names object and symbols."""


class ToolMissing(BuildRefused):
    """A program is needed that is not installed."""


class ToolFailed(BuildRefused):
    """A program ended with an error; the message holds what it said."""


class SourceRefused(BuildRefused):
    """Something that was to go in cannot: a link that leads out, two files of one name, a folder that is not there."""


class DependencyRefused(BuildRefused):
    """A dependency cannot be had for the target; the message names it."""


class TooLarge(BuildRefused):
    """The contents are larger than Lambda accepts."""
