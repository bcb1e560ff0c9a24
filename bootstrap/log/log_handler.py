"""Log handler: how what the function logs with Python's `logging` reaches its log; loaded along with `logging`.

The root logger has one handler of ours, as under AWS's own runtime, and it steps back for the function: it takes the
settings of basicConfig(), and prints no record that a handler of the function has printed.
"""

import logging
import os
import sys
import time

from .. import logs
from ..current import current_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENV_LOG_LEVEL = "AWS_LAMBDA_LOG_LEVEL"
TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
# What sends records elsewhere than to our handler: https://docs.python.org/3/library/logging.html#logging.basicConfig
PLACE_OPTIONS = ("stream", "filename", "handlers")
PLAIN_FORMATTERS = (type(None), logging.Formatter)


class LambdaLoggerHandler(logging.Handler):
    """Writes to the log of the function; formatters find `aws_request_id` and `tenant_id` on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = current_context()
        attributes = vars(record)
        attributes.setdefault("aws_request_id", context.aws_request_id if context else "")
        attributes.setdefault("tenant_id", context.tenant_id if context else None)
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        if any(_is_console(handler, record.levelno) for handler in _handlers_for(record)):
            return  # nobody wants to read it twice
        try:
            text = self.format(record)
            logs.write(text if text.endswith("\n") else text + "\n", record.levelno)
        except Exception:
            self.handleError(record)


def configure() -> None:
    """Give the root logger its handler, and the level the function is configured with."""
    handler = LambdaLoggerHandler()
    handler.setFormatter(_make_formatter())
    logging.root.addHandler(handler)
    level = os.environ.get(ENV_LOG_LEVEL, "").upper()
    level = {"TRACE": "DEBUG"}.get(level, level)
    if level in logging._nameToLevel:
        logging.root.setLevel(level)
    logging.basicConfig = _basic_config_for(handler, logging.basicConfig)


def _make_formatter() -> logging.Formatter:
    if logs.is_json():
        from .json_formatter import JsonFormatter

        return JsonFormatter()
    formatter = logging.Formatter(TEXT_FORMAT, TIME_FORMAT)
    formatter.converter = time.gmtime
    return formatter


def _handlers_for(record: logging.LogRecord) -> "Iterator[logging.Handler]":
    """The handlers a record meets on its way up."""
    logger = logging.root.manager.loggerDict.get(record.name, logging.root)
    while isinstance(logger, logging.Logger):
        yield from logger.handlers
        if not logger.propagate or logger.parent is None:
            return
        logger = logger.parent


def _is_console(handler: logging.Handler, level: int) -> bool:
    """Whether a handler prints records of this level. Plain text is not enough in JSON form: the level would be lost."""
    if not isinstance(handler, logging.StreamHandler) or handler.stream not in _console() or handler.filters:
        return False
    return level >= handler.level and not (logs.is_json() and type(handler.formatter) in PLAIN_FORMATTERS)


def _console() -> "list[object]":
    return [getattr(sys, name, None) for name in ("stdout", "stderr", "__stdout__", "__stderr__")]


def _basic_config_for(handler: logging.Handler, original: "Callable[..., None]") -> "Callable[..., None]":
    """A basicConfig() that treats our handler as one it makes itself."""

    def basicConfig(**options: object) -> None:  # noqa: N802 - the name it has in `logging`
        root = logging.root
        was_ours = root.handlers == [handler]
        if was_ours:
            root.removeHandler(handler)
        try:
            if _means_ours(options, was_ours):
                _set_basics(handler, original, options)
            else:
                original(**options)
        except BaseException:
            if was_ours:
                root.addHandler(handler)
            raise

    basicConfig.__doc__ = original.__doc__
    return basicConfig


def _means_ours(options: dict[str, object], was_ours: bool) -> bool:
    """Whether the handler asked for is ours: in JSON form that is any on the console, else one that nothing is said of."""
    if options.get("filename") is not None or options.get("handlers") is not None:
        return False
    stream = options.get("stream")
    if logs.is_json():
        return stream is None or stream in _console()
    return was_ours and stream is None and not options.get("force")


def _set_basics(handler: logging.Handler, original: "Callable[..., None]", options: dict[str, object]) -> None:
    """Level and format for our handler; in JSON form there is only one format."""
    formatter = handler.formatter
    if options.get("format") is not None and not logs.is_json():
        handler.formatter = None
    try:
        original(handlers=[handler], **{name: options[name] for name in options if name not in PLACE_OPTIONS})
    finally:
        handler.formatter = handler.formatter or formatter
