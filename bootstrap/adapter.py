"""Adapter: gives whatever the user wrote one shape, `(event, context) -> result`; decided once, when it is loaded.

    def, callable object    called as it is; a result that can be awaited is awaited
    async def               run on the event loop of the sandbox, which lives as long as that
    generator, async too    streamed, as is what @stream and @http_stream mark
    annotated event         decoded first, when the annotation is a model

What a case needs is imported for that case only.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .events.typed import Decode
    from .handler import Handler

# https://docs.python.org/3/library/inspect.html#inspect-module-co-flags, without the import
CO_GENERATOR = 0x20
CO_COROUTINE = 0x80
CO_ASYNC_GENERATOR = 0x200
CANCEL_MARK = "_pilotlight_cancel_before_ms"
START_MARK = "_pilotlight_start"
STREAM_MARK = "_pilotlight_stream"
# Where the types are that no event has to be decoded for
PLAIN_MODULES = ("builtins", "collections", "collections.abc", "types", "typing", "typing_extensions")


def adapt(handler: "Handler") -> "Handler":
    """The handler as the loop calls it. Raises TypeError when the event's model cannot be decoded."""
    adapted = _adapt_call(handler)
    if hasattr(handler, START_MARK):
        getattr(handler, START_MARK)()  # a web app has a beginning of its own
    if hasattr(handler, CANCEL_MARK):
        from .event_loop import limited

        adapted = limited(adapted, getattr(handler, CANCEL_MARK))
    decode = _maybe_decoder(handler)
    return adapted if decode is None else lambda event, context: adapted(decode(event, context), context)


def is_async(handler: "Callable[..., object]") -> bool:
    """Whether calling it makes something for an event loop."""
    return bool(_code_flags(handler) & (CO_COROUTINE | CO_ASYNC_GENERATOR))


def _adapt_call(handler: "Handler") -> "Handler":
    flags = _code_flags(handler)
    if hasattr(handler, STREAM_MARK) or flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
        from .streams.streaming import stream_handler

        return stream_handler(handler)
    if flags & CO_COROUTINE:
        from . import event_loop

        event_loop.prepare()  # asyncio takes its time to import: that belongs to init

    def call(event: object, context: object) -> object:
        result = handler(event, context)  # type: ignore[arg-type]
        if hasattr(result, "__await__"):
            from .event_loop import wait_for

            return wait_for(result)
        return result

    return call


def _code_flags(handler: "Handler") -> int:
    function, _ = function_of(handler)
    code = getattr(function, "__code__", None)
    return getattr(code, "co_flags", 0)


def _maybe_decoder(handler: "Handler") -> "Decode | None":
    """What makes the event the model that the first parameter is annotated with; None where there is no model.

    A decorator that carries the annotations of what it wraps is in charge of the event itself.
    """
    function, given = function_of(handler)
    if hasattr(handler, "__wrapped__") or hasattr(function, "__wrapped__"):
        return None
    try:
        code = function.__code__
        annotation = _annotations(function)[code.co_varnames[: code.co_argcount][given]]
        names = function.__globals__
    except Exception:  # no Python function, no such parameter, no annotation, or one that cannot be evaluated
        return None
    if _is_plain(annotation, names):
        return None
    from .events.typed import maybe_decoder

    return maybe_decoder(annotation, names)


def function_of(handler: "Any") -> "tuple[Any, int]":  # noqa: ANN401 - whatever the user wrote
    """The function that a call ends in, and how many of its first arguments it has by then."""
    given = 0
    while type(handler).__module__ == "functools" and hasattr(handler, "args"):  # a partial
        given += len(handler.args)
        handler = handler.func
    if not hasattr(handler, "__code__"):
        handler = getattr(handler, "__call__", None)  # noqa: B004 - the method itself, not whether there is one
    function = getattr(handler, "__func__", handler)
    return function, given + (function is not handler)


def _annotations(function: "Any") -> "dict[str, object]":  # noqa: ANN401 - whatever the user wrote
    try:
        return function.__annotations__  # type: ignore[no-any-return]
    except NameError:  # from Python 3.14 on they are evaluated here; some names only type checkers import
        import annotationlib  # type: ignore[import-not-found]

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)  # type: ignore[no-any-return]


def _is_plain(annotation: object, names: "dict[str, object]") -> bool:
    """Whether an annotation names nothing but types of the language, or what cannot be found."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(text, str):
        try:
            annotation = eval(text, names)
        except Exception:
            return True
        if isinstance(annotation, str):  # quoted twice
            return False
    origin = getattr(annotation, "__origin__", annotation)
    arguments = getattr(annotation, "__args__", None) or ()
    module = getattr(origin, "__module__", None) or type(origin).__module__
    return module in PLAIN_MODULES and all(_is_plain(argument, names) for argument in arguments)
