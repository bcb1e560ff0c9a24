"""Mutants of INIT."""

import os
import sys
from time import sleep

from .reference import Handler, Response, Runtime, RuntimeFault, mutant


@mutant("RT-INIT-001")
class ReportsTwice(Runtime):
    """It reports a failure twice."""

    def load_failed(self, error: BaseException) -> None:
        super().load_failed(error)
        super().load_failed(error)


@mutant("RT-INIT-002")
class PollsAfterFailure(Runtime):
    """It polls although there is nothing to call."""

    def load_failed(self, error: BaseException) -> None:
        super().load_failed(error)
        self.poll()


@mutant("RT-INIT-003")
class ExitsWithZero(Runtime):
    """It ends as if all were well."""

    def load_failed(self, error: BaseException) -> None:
        super().load_failed(error)
        sys.exit(0)


@mutant("RT-INIT-004")
class LooksUpLate(Runtime):
    """It does not look for the function before it is called."""

    def load(self) -> Handler:
        try:
            return super().load()
        except RuntimeFault as fault:
            if fault.kind != "Runtime.HandlerNotFound":
                raise
            return lambda event, context: None


@mutant("RT-INIT-005")
class CrashesOnName(Runtime):
    """A strange handler name ends it without a report."""

    def handler_name(self) -> str:
        module, name = super().handler_name().split(".")
        return f"{module}.{name}"

    def load_failed(self, error: BaseException) -> None:
        if isinstance(error, ValueError):
            raise error
        super().load_failed(error)


@mutant("RT-INIT-006")
class HidesWhere(Runtime):
    """It reports that the source is wrong, but not where."""

    def message_of(self, error: BaseException) -> str:
        return "invalid syntax" if "line" in super().message_of(error) else super().message_of(error)


@mutant("RT-INIT-007")
class HidesException(Runtime):
    """It reports every exception of the function as one and the same."""

    def message_of(self, error: BaseException) -> str:
        return super().message_of(error) if isinstance(error, RuntimeFault) else "loading failed"


@mutant("RT-INIT-008")
class TraceAsText(Runtime):
    """It sends the stack trace as one text."""

    def error_body(self, error: BaseException) -> bytes:
        return super().error_body(error).replace(b'"stackTrace": []', b'"stackTrace": ""')


@mutant("RT-INIT-009")
class NoTypeHeader(Runtime):
    """It does not say in the header what kind of failure it is."""

    def init_error_headers(self, error: BaseException) -> dict[str, str]:
        return {"Content-Type": "application/json"}


@mutant("RT-INIT-010")
class NeverGivesUp(Runtime):
    """It reports until somebody takes the report."""

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
        while (answer := super().request(method, path, headers, body)).status >= 400:
            sleep(0.1)
        return answer


@mutant("RT-INIT-011")
class SwallowsExit(Runtime):
    """An exit while loading becomes another one."""

    def load_failed(self, error: BaseException) -> None:
        if isinstance(error, SystemExit):
            os._exit(0)
        super().load_failed(error)
