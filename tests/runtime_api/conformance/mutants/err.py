"""Mutants of ERR."""

import json
import sys
import traceback

from .reference import Response, Runtime, RuntimeFault, mutant


@mutant("RT-ERR-001")
class DressesUp(Runtime):
    """It posts an error as a result."""

    def post_error(self, event: Response, error: Exception) -> None:
        self.post_response(event, self.error_body(error))


@mutant("RT-ERR-002")
class GivesUp(Runtime):
    """It ends after an error."""

    def post_error(self, event: Response, error: Exception) -> None:
        super().post_error(event, error)
        sys.exit(1)


@mutant("RT-ERR-003")
class LeavesTypeOut(Runtime):
    """It does not say of which class the exception is."""

    def error_body(self, error: BaseException) -> bytes:
        body = json.loads(super().error_body(error))
        del body["errorType"]
        return json.dumps(body).encode()


@mutant("RT-ERR-004")
class ShowsItself(Runtime):
    """It reports its own frames as well."""

    def error_body(self, error: BaseException) -> bytes:
        body = json.loads(super().error_body(error))
        return json.dumps(body | {"stackTrace": traceback.format_tb(error.__traceback__)}).encode()


@mutant("RT-ERR-005")
class TrustsNames(Runtime):
    """It writes any name into a header."""

    def type_of(self, error: BaseException) -> str:
        return error.kind if isinstance(error, RuntimeFault) else type(error).__name__


@mutant("RT-ERR-006")
class TrustsText(Runtime):
    """It asks an exception for its text, and ends when that raises."""

    def message_of(self, error: BaseException) -> str:
        return str(error)


@mutant("RT-ERR-007")
class TellsCauseInWords(Runtime):
    """It sends a text as the cause."""

    def post_error(self, event: Response, error: Exception) -> None:
        event.headers["cause"] = "it failed"
        super().post_error(event, error)

    def answer_headers(self, event: Response) -> dict[str, str]:
        cause = event.headers.get("cause")
        return super().answer_headers(event) | ({"Lambda-Runtime-Function-XRay-Error-Cause": cause} if cause else {})


@mutant("RT-ERR-008")
class LeavesHeaderOut(Runtime):
    """It sends no type in the header."""

    def post_error(self, event: Response, error: Exception) -> None:
        path = self.path_of(event, "error")
        self.posted(self.request("POST", path, self.answer_headers(event), self.error_body(error)))
