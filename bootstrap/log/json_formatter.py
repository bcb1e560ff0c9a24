"""JSON formatter: a record of Python's `logging` as one object on one line.

Members and their order as at https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html, with milliseconds and
Lambda's own names of levels. What an error has beyond its stack comes after these, what the function passes as `extra`
comes last.
"""

import logging

from ..report import ErrorReport
from .json_log import encode, level_name, timestamp

# What every record has, and what formatters and our handler add to it.
OWN_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "aws_request_id", "tenant_id"}


class JsonFormatter(logging.Formatter):
    """Formats a record as a line of JSON, whatever the function put into it."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        for name, value in vars(record).items():
            if name not in OWN_ATTRIBUTES:
                fields.setdefault(name, value)
        return encode({name: value for name, value in fields.items() if value is not None})


def _fields(record: logging.LogRecord) -> dict[str, object]:
    error = record.exc_info[1] if record.exc_info else None
    report = ErrorReport.of(error) if error else None
    return {
        "timestamp": timestamp(record.created),
        "level": level_name(record.levelno),
        "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
        "logger": record.name,
        "stackTrace": report.stack if report else None,
        "errorType": report.error_type if report else None,
        "errorMessage": report.message if report else None,
        "requestId": getattr(record, "aws_request_id", None),
        "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if report else None,
        "tenantId": getattr(record, "tenant_id", None),
        **(report.related_fields() if report else {}),
        "stack_info": record.stack_info,
    }
