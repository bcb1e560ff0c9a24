"""HTTP response: the head of a streamed HTTP answer, and what HTTP allows in it.

A function URL and API Gateway take it as JSON before the body, with eight NUL bytes in between:
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from ..payload import Marshaller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRELUDE_END = b"\0" * 8
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


class HttpResponse:
    """The head of a streamed HTTP answer; a handler under @http_stream may yield one first.

    `headers` are text by name; several values of one name are joined with commas. `cookies` are values of Set-Cookie.
    Raises TypeError or ValueError for what HTTP has no place for.
    """

    __slots__ = ("cookies", "headers", "status_code")

    def __init__(
        self,
        status_code: int = 200,
        headers: "Mapping[str, str | int | Sequence[str]] | None" = None,
        cookies: "Sequence[str]" = (),
    ) -> None:
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.cookies = [cookies] if isinstance(cookies, str) else list(cookies)
        self._fields()

    def prelude(self) -> bytes:
        """What comes before the body of the answer: JSON and eight NUL bytes."""
        return Marshaller(ascii_only=True).to_json(self._fields()) + PRELUDE_END

    def _fields(self) -> dict[str, object]:
        headers = {_header_name(name): _header_text(value) for name, value in self.headers.items()}
        return {
            "statusCode": _status_code(self.status_code),
            "headers": headers,
            "cookies": [one_line(cookie) for cookie in self.cookies],
        }


def _status_code(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return int(value)
    raise ValueError(f"a status code is a number from 100 to 599, not {value!r}")


def _header_name(name: object) -> str:
    if isinstance(name, str) and name and TOKEN.issuperset(name.lower()):
        return name.lower()
    raise ValueError(f"{name!r} is not a name of a header")


def _header_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(one_line, value))
    return str(value) if type(value) is int else one_line(value)


def one_line(value: object) -> str:
    """The value of a header, if it is one: text that cannot begin another line. Raises TypeError or ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"the value of a header is str, not {type(value).__name__}")
    if not value.isprintable() and any((char < " " and char != "\t") or char == "\x7f" for char in value):
        raise ValueError(f"the value of a header is one line of text, not {value!r}")
    return value
