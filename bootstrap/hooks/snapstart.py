"""SnapStart: what happens once, at the end of init, where the platform takes a snapshot of the sandbox.

    hooks before the snapshot    the last registered first; a failure is posted to init/error, status 64
    GET restore/next             answered when a sandbox is made from the snapshot
    everything unique renewed    random numbers, names of temporary files, connections to the platform
    hooks after the restore      the first registered first; a failure is posted to restore/error, status 65

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html. Hooks are those of the module
snapshot_restore_py the function has imported: its own, or the one of ours that comes last on sys.path.
"""

import os
import sys

from .. import logs
from ..report import ErrorReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..client import LambdaRuntimeClient

    Hook = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]

EXIT_BEFORE_SNAPSHOT = 64
EXIT_AFTER_RESTORE = 65
ENTROPY_BYTES = 64


def pass_snapshot(client: "LambdaRuntimeClient") -> None:
    """Run the hooks around the snapshot. Exits with status 64 or 65 when one fails; raises SandboxError."""
    hooks = sys.modules.get("snapshot_restore_py")
    try:
        _run(reversed(hooks.get_before_snapshot()) if hooks else ())
    except BaseException as error:
        client.post_init_error(_log(error, client), "Runtime.BeforeSnapshotError")
        sys.exit(EXIT_BEFORE_SNAPSHOT)
    logs.flush_output()
    client.restore_next()
    try:
        _renew(client)
        _run(hooks.get_after_restore() if hooks else ())
    except BaseException as error:
        client.report_restore_error(_log(error, client))
        sys.exit(EXIT_AFTER_RESTORE)


def _run(hooks: "Iterable[Hook]") -> None:
    for func, args, kwargs in list(hooks):
        result = func(*args, **kwargs)
        if hasattr(result, "__await__"):
            from ..event_loop import wait_for

            wait_for(result)


def _log(error: BaseException, client: "LambdaRuntimeClient") -> dict[str, object]:
    report = ErrorReport.of(error)
    logs.log_error(report)
    logs.flush_output()
    return report.fields_within(client.error_marshaller.to_json)


def _renew(client: "LambdaRuntimeClient") -> None:
    """Part from all the other sandboxes that are made from this snapshot."""
    client.connection.close()
    lifecycle = sys.modules.get(f"{__package__}.lifecycle")
    if lifecycle is not None:
        lifecycle.park_extension()
    for module, name, args in (("random", "seed", ()), ("numpy.random", "seed", ()), ("ssl", "RAND_add", _entropy())):
        renew = getattr(sys.modules.get(module), name, None)
        if renew is not None:
            renew(*args)
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None  # type: ignore[attr-defined]  # made anew with the next name


def _entropy() -> "tuple[bytes, float]":
    return os.urandom(ENTROPY_BYTES), ENTROPY_BYTES
