"""Mutants of RESP."""

import json

from .breaking_off import Retires, StopsPolling
from .reference import Response, Runtime, RuntimeFault, mutant


@mutant("RT-RESP-001")
class ShoutsId(Runtime):
    """It posts under the id in capitals."""

    def path_of(self, event: Response, what: str) -> str:
        return f"/runtime/invocation/{event.headers['lambda-runtime-aws-request-id'].upper()}/{what}"


@mutant("RT-RESP-001")
class RemembersId(Runtime):
    """It posts every answer under the id of its first event."""

    first = ""

    def path_of(self, event: Response, what: str) -> str:
        self.first = self.first or event.headers["lambda-runtime-aws-request-id"]
        return f"/runtime/invocation/{self.first}/{what}"


@mutant("RT-RESP-002")
class RepeatsItself(Runtime):
    """It posts an error twice."""

    def post_error(self, event: Response, error: Exception) -> None:
        super().post_error(event, error)
        super().post_error(event, error)


mutant("RT-RESP-002")(StopsPolling)
mutant("RT-RESP-002")(Retires)


@mutant("RT-RESP-002")
class AnswersTwice(Runtime):
    """It posts every result twice."""

    def post_response(self, event: Response, body: bytes) -> None:
        super().post_response(event, body)
        super().post_response(event, body)


@mutant("RT-RESP-003")
class SaysNothingForNull(Runtime):
    """It posts no body where there is no result."""

    def encode(self, result: object) -> bytes:
        return b"" if result is None else super().encode(result)


@mutant("RT-RESP-004")
class PutsIntoWords(Runtime):
    """It makes a text of what JSON does not know."""

    def encode(self, result: object) -> bytes:
        return json.dumps(result, default=str).encode()


@mutant("RT-RESP-005")
class SendsNan(Runtime):
    """It takes NaN for JSON."""

    def encode(self, result: object) -> bytes:
        return json.dumps(result).encode()


@mutant("RT-RESP-006")
class SendsHalfCharacters(Runtime):
    """It writes lone surrogates as if they were characters."""

    def encode(self, result: object) -> bytes:
        return json.dumps(result, allow_nan=False, ensure_ascii=False).encode("utf-8", "surrogatepass")


@mutant("RT-RESP-007")
class SendsOneMib(Runtime):
    """It does not notice that a part of the result is left over."""

    def post_response(self, event: Response, body: bytes) -> None:
        super().post_response(event, body[: 1024 * 1024])


@mutant("RT-RESP-008")
class ReportsRefusal(Runtime):
    """It reports that its result was too large."""

    def post_response(self, event: Response, body: bytes) -> None:
        answer = self.request("POST", self.path_of(event, "response"), self.answer_headers(event), body)
        if answer.status == 413:
            self.post_error(event, RuntimeFault("Runtime.TooLarge", "too large"))


@mutant("RT-RESP-009")
class TriesAgain(Runtime):
    """It posts again what was refused."""

    def post_response(self, event: Response, body: bytes) -> None:
        answer = self.request("POST", self.path_of(event, "response"), self.answer_headers(event), body)
        if answer.status in (400, 403):
            super().post_response(event, body)


@mutant("RT-RESP-010")
class OverlooksFailure(Runtime):
    """It goes on whatever it is told."""

    def posted(self, answer: Response) -> None:
        pass


@mutant("RT-RESP-011")
class LeavesIdAsItIs(Runtime):
    """It puts the id into the path as it is."""

    def path_of(self, event: Response, what: str) -> str:
        return f"/runtime/invocation/{event.headers['lambda-runtime-aws-request-id']}/{what}"
