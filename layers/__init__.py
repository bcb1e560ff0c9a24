"""Layers: builds the zips that bring our runtime to AWS Lambda, and those of the functions that run on it.

Strategy: a zip is a list of entries (path, mode, bytes), and everything works on such lists. One module says what goes in: the bootstrap
and a script for the `wrapper` layer, an interpreter beside it for the `runtime` layer, a folder and its dependencies for a function.
The rest is the same for all: Python files get compiled companions, limits are checked, the contents are listed, the zip is written.

Nothing of the machine that builds goes in: no time, no owner, no path, no order of a folder. So the same sources give the same bytes,
and tools that deploy by hash see no change where there is none. Programs of others do what they do best, on files in a temporary folder:
`strip` and `patchelf` make an interpreter movable, `uv` or `pip` choose dependencies, the interpreter itself compiles for itself.

Simplified: an interpreter is taken from this machine and must run on it, so a runtime layer is for this machine's architecture; no
library of glibc is ever shipped, so an interpreter must be content with the one Amazon Linux 2023 has.
"""
