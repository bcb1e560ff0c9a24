"""Typed: an event as what the handler's first parameter is annotated with.

Strategy: when the handler is loaded the models within the annotation tell who decodes, with what the function has
installed:

    msgspec Struct                  msgspec.json.Decoder, from the text of the event
    pydantic model or dataclass     pydantic.TypeAdapter, from the text; parse_obj_as before version 2
    dataclass, TypedDict            converters.py; from the text only when a Decimal wants all digits of a number
    none of these                   nobody: the event goes through as it is

From the text means by the rules those libraries have for JSON, in which a strict model takes a date as well. It also
goes through as it is when the annotation names what only type checkers import. A model that cannot be decoded at all
ends init with a TypeError.
"""

import sys

from ..client import Invocation, LambdaRuntimeClient
from ..errors import FunctionError
from ..json_path import step
from ..payload import Marshaller, from_json
from ..surroundings.library import StandardLibrary
from .converters import Converters, is_model, unquoted
from .mismatch import Mismatch

with StandardLibrary():
    import typing
    from types import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..context import LambdaContext

    Convert = Callable[[Any], Any]
    Decode = Callable[[object, LambdaContext], object]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def maybe_decoder(annotation: object, names: dict[str, object]) -> "Decode | None":
    """What makes an event the model an annotation asks for; None when there is no model in it.

    `names` are the globals of the module it is written in. Raises TypeError when the model cannot be decoded.
    """
    try:
        wanted = _resolve(annotation, names)
    except Exception:
        return None
    read = _maybe_reader(wanted)
    if read is not None:
        return _from_text(read)
    return _from_own(wanted) if any(map(is_model, _parts(wanted))) else None


def _resolve(annotation: object, names: dict[str, object]) -> object:
    holder = SimpleNamespace(__annotations__={"event": annotation})
    return unquoted(typing.get_type_hints(holder, names, include_extras=True)["event"], names)


def _parts(wanted: "Any", seen: "tuple[object, ...]" = ()) -> "Iterator[Any]":  # noqa: ANN401 - anything goes
    """An annotation and all annotations within it; `seen` are the type aliases that led here."""
    yield typing.get_origin(wanted) or wanted
    alias = getattr(wanted, "__value__", None)
    for part in (getattr(wanted, "__supertype__", None), alias, *typing.get_args(wanted)):
        if part is not None and part not in seen:
            yield from _parts(part, seen if alias is None else (*seen, wanted))


def _maybe_reader(wanted: object) -> "Callable[[bytes], object] | None":
    """What reads JSON by the library of the first model that has one. It raises Mismatch."""
    for part in _parts(wanted):
        if hasattr(part, "__struct_config__"):
            return _msgspec_reader(wanted)
        if hasattr(part, "__pydantic_validator__"):
            return _pydantic_reader(wanted)
        if hasattr(part, "__fields_set__") and hasattr(part, "parse_obj"):
            return _pydantic_1_reader(wanted, part)
    return None


def _maybe_converter(wanted: object) -> "Convert | None":
    """The same for a part of an event."""
    read = _maybe_reader(wanted)
    return None if read is None else lambda value: read(LambdaRuntimeClient.error_marshaller.to_json(value))


def _msgspec_reader(wanted: object) -> "Callable[[bytes], object]":
    msgspec, others = sys.modules["msgspec"], Converters(_maybe_converter)
    decoder = msgspec.json.Decoder(wanted, dec_hook=lambda kind, value: others.once(kind)(value))

    def read(text: bytes) -> object:
        try:
            return decoder.decode(text)
        except msgspec.DecodeError as error:
            message, _, path = str(error).partition(" - at `$")
            within = getattr(error.__cause__, "problems", [(message, "")])
            raise Mismatch(*[(problem, path.removesuffix("`") + below) for problem, below in within]) from error

    return read


def _pydantic_reader(wanted: object) -> "Callable[[bytes], object]":
    adapter = sys.modules["pydantic"].TypeAdapter(wanted)
    return lambda text: _validated(adapter.validate_json, text)


def _pydantic_1_reader(wanted: object, model: type) -> "Callable[[bytes], object]":
    base = next(kind for kind in reversed(model.__mro__) if hasattr(kind, "parse_obj"))
    parse_obj_as = sys.modules[base.__module__.rpartition(".")[0]].parse_obj_as
    return lambda text: _validated(lambda text: parse_obj_as(wanted, from_json(text.decode())), text)


def _validated(validate: "Callable[[bytes], object]", text: bytes) -> object:
    try:
        return validate(text)
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        raise Mismatch(*[(problem["msg"], _path(problem["loc"])) for problem in error.errors()]) from error


def _path(location: "tuple[int | str, ...]") -> str:
    """Pydantic's path; version 1 begins it with the name it has for what is no model itself."""
    return "".join(step(key) for key in location if key != "__root__")


def _from_text(read: "Callable[[bytes], object]") -> "Decode":
    Invocation.keeps_body = True
    return lambda event, context: _decode(lambda: read(_text(event, context)), event)


def _from_own(wanted: object) -> "Decode":
    converters = Converters(_maybe_converter)
    convert = converters.converter(wanted)
    if not converters.wants_digits:
        return lambda event, _: _decode(lambda: convert(event), event)
    return _from_text(lambda text: convert(_with_decimals(text)))


def _with_decimals(text: bytes) -> object:
    with StandardLibrary():
        from decimal import Decimal

    try:
        return from_json(text.decode(), parse_float=Decimal)
    except ArithmeticError as error:
        raise Mismatch(("an exponent is too large for a Decimal", "")) from error


def _text(event: object, context: "LambdaContext") -> bytes:
    """The JSON of an event: as it came, or written anew when the function has a marshaller of its own."""
    invocation = context._invocation
    text, invocation.body = invocation.body, b""
    if type(LambdaRuntimeClient.marshaller) is not Marshaller:
        return LambdaRuntimeClient.error_marshaller.to_json(event)
    return text.removeprefix(BYTE_ORDER_MARK)


def _decode(convert: "Callable[[], object]", event: object) -> object:
    if isinstance(event, bytes):
        raise _unreadable("expected a JSON event, got bytes of another content type")
    try:
        return convert()
    except (Mismatch, RecursionError) as error:
        raise _unreadable(str(error)) from error


def _unreadable(why: str) -> FunctionError:
    return FunctionError("Runtime.UnmarshalError", f"Unable to unmarshal input: {why}")
