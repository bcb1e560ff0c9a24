"""What a benchmark found: figures with their goals, printed as a table and kept as JSON."""

from __future__ import annotations

import operator
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent / "results"
_COMPARE: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number. `goal` compares the value with `goal_value`; a figure without a goal only explains the others."""

    name: str
    value: float
    unit: str = ""
    goal: Literal["<=", ">="] | None = None
    goal_value: float = 0

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None when there is none."""
        return _COMPARE[self.goal](self.value, self.goal_value) if self.goal is not None else None


class Result(msgspec.Struct, frozen=True):
    """What one benchmark found."""

    benchmark: str
    question: str
    figures: list[Figure]
    python: str = platform.python_version()
    machine: str = f"{os.cpu_count()} x {platform.machine()}, {sys.platform}"

    def keep(self) -> Path:
        """Write it to the folder of results."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.benchmark}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        return path

    def show(self, console: Console) -> None:
        """Print it."""
        table = Table("figure", "value", "goal", "", title=f"{self.benchmark}: {self.question}", title_justify="left")
        for figure in self.figures:
            goal = f"{figure.goal} {figure.goal_value:g}" if figure.goal else ""
            verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
            table.add_row(figure.name, f"{figure.value:,.2f} {figure.unit}".rstrip(), goal, verdict)
        console.print(table)
