"""Mutants of LOG."""

from typing import Any

from .featured import FeaturedRuntime
from .reference import Runtime, mutant


@mutant("RT-LOG-001")
class PrintsLate(Runtime):
    """It keeps what is printed until there is enough of it."""

    def flush_output(self) -> None:
        pass


@mutant("RT-LOG-002")
class LogsWithoutId(FeaturedRuntime):
    """Its log does not say which invocation a line belongs to."""

    def log_record(self, record: Any) -> dict[str, object]:  # noqa: ANN401  (a LogRecord)
        return {"message": record.getMessage()}
