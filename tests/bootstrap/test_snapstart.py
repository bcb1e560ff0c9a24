"""SnapStart: hooks around the snapshot, and what must not be the same in every sandbox made from it."""

import sys
from pathlib import Path

import pytest

from .fake_runtime_api import FakeRuntimeAPI, http_reply
from .function import BOOTSTRAP, ECHO, Function

RESTORE_NEXT = "/2018-06-01/runtime/restore/next"
RESTORE_ERROR = "/2018-06-01/runtime/restore/error"
INIT_ERROR = "/2018-06-01/runtime/init/error"
RESTORED = http_reply(200, {}, b"")

HOOKS = """
    import asyncio
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    seen = []

    @register_before_snapshot
    def last():
        seen.append("last before")

    @register_before_snapshot
    async def middle():
        await asyncio.sleep(0)
        seen.append("async before")

    register_before_snapshot(seen.append, "first before")
    register_after_restore(lambda word, end: seen.append(word + end), "first", end=" after")

    @register_after_restore
    async def after():
        await asyncio.sleep(0)
        seen.append("async after")

    def handler(event, context):
        return seen
    """
SEEN = ["first before", "async before", "last before", "first after", "async after"]


@pytest.fixture
def snap_start(any_python: Function, api: FakeRuntimeAPI) -> Function:
    """A function that is to be snapshotted, and restored at once."""
    any_python.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    api.reply_to(RESTORE_NEXT, RESTORED)
    return any_python


def test_hooks_run_around_the_snapshot(snap_start: Function, api: FakeRuntimeAPI) -> None:
    """Before it the last registered first, after it the first registered first; async ones, too."""
    snap_start.write(HOOKS)
    api.event()
    assert snap_start.run().post.json() == SEEN
    assert [request.path.rpartition("/")[2] for request in api.requests] == ["next", "next", "response", "next"]
    assert api.requests[0].path == RESTORE_NEXT


def test_a_function_that_ships_the_package_gets_its_own(function: Function, api: FakeRuntimeAPI) -> None:
    """The one from PyPI; its hooks are the ones that run."""
    package = Path(sys.prefix).glob("lib/python*/site-packages/snapshot_restore_py.py")
    function.write(next(package).read_text(), "snapshot_restore_py.py")
    function.write(HOOKS)
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    api.reply_to(RESTORE_NEXT, RESTORED)
    api.event()
    assert function.run().post.json() == SEEN


def test_the_module_is_there_without_snapstart(any_python: Function, api: FakeRuntimeAPI) -> None:
    """The same code runs where no snapshot is taken; hooks are not called then."""
    any_python.write(HOOKS)
    api.event()
    assert any_python.run().post.json() == []
    assert RESTORE_NEXT not in [request.path for request in api.requests]


def test_our_module_comes_last(function: Function, api: FakeRuntimeAPI) -> None:
    """Behind everything else on sys.path."""
    function.handler("import sys; return sys.path[-1]")
    api.event()
    assert function.run().post.json() == str(BOOTSTRAP.parent / "on_path")


def test_without_hooks_the_snapshot_is_passed(snap_start: Function, api: FakeRuntimeAPI) -> None:
    """The platform waits for restore/next all the same; nothing is imported for it."""
    snap_start.handler("import sys; return 'snapshot_restore_py' in sys.modules")
    api.event()
    assert snap_start.run().post.json() is False
    assert api.requests[0].path == RESTORE_NEXT


ERRORS = ["raise LookupError('x')", "raise SystemExit(0)", "raise KeyboardInterrupt"]


@pytest.mark.parametrize("statement", ERRORS)
def test_a_failure_before_the_snapshot_fails_the_init(function: Function, api: FakeRuntimeAPI, statement: str) -> None:
    """Status 64 whatever was raised; the body keeps the class of the error."""
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    function.write(f"""
        from snapshot_restore_py import register_before_snapshot

        @register_before_snapshot
        def fail():
            {statement}

        def handler(event, context):
            pass
        """)
    outcome = function.run()
    assert (outcome.status, outcome.post.path) == (64, INIT_ERROR)
    assert outcome.post.headers["lambda-runtime-function-error-type"] == "Runtime.BeforeSnapshotError"
    assert outcome.post.json()["errorType"] in statement
    assert len(outcome.post.json()["stackTrace"]) == 1
    assert "[ERROR]" in outcome.stdout


@pytest.mark.parametrize("statement", ERRORS)
def test_a_failure_after_the_restore_has_an_endpoint_of_its_own(
    function: Function, api: FakeRuntimeAPI, statement: str
) -> None:
    """Status 65, and no next."""
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    api.reply_to(RESTORE_NEXT, RESTORED)
    function.write(f"""
        from snapshot_restore_py import register_after_restore

        @register_after_restore
        async def fail():
            {statement}

        def handler(event, context):
            pass
        """)
    outcome = function.run()
    assert (outcome.status, outcome.post.path) == (65, RESTORE_ERROR)
    assert outcome.post.headers["lambda-runtime-function-error-type"] == "Runtime.AfterRestoreError"
    assert outcome.post.json()["errorType"] in statement
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [403, 500])
def test_a_refused_restore_ends_the_process(function: Function, api: FakeRuntimeAPI, status: int) -> None:
    """Anything but 200 is a fault of the sandbox: the function is not blamed for it."""
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    function.write(ECHO)
    api.reply_to(RESTORE_NEXT, http_reply(status, {}, b"no"))
    outcome = function.run()
    assert (outcome.status, outcome.posts) == (1, [])
    assert outcome.stderr == f"pilotlight: the Runtime API answered {status} no to restore/next\n"


def test_a_connection_that_did_not_survive_is_replaced(function: Function, api: FakeRuntimeAPI) -> None:
    """The request for the restore is repeated; what comes after it has a new connection in any case."""
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    function.write(ECHO)
    api.reply(b"", close=True)
    api.reply(RESTORED)
    api.event(b"1")
    assert function.run().post.body == b"1"
    assert [request.connection for request in api.requests] == [1, 2, 3, 3, 3]


def test_random_numbers_differ_after_the_restore(function: Function, api: FakeRuntimeAPI) -> None:
    """So do names of temporary files; a generator of numpy's, where one is loaded, is seeded as well."""
    function.write("def seed(*args):\n    print('numpy seeded', args)\n", "numpy/random.py")
    function.write("", "numpy/__init__.py")
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    function.write("""
        import numpy.random, random, ssl, tempfile

        random.seed(1)
        expected = random.Random(1).random()
        names = tempfile._get_candidate_names()

        def handler(event, context):
            return [random.random() == expected, tempfile._get_candidate_names() is names]
        """)
    api.reply_to(RESTORE_NEXT, RESTORED)
    api.event()
    outcome = function.run()
    assert outcome.post.json() == [False, False]
    assert outcome.stdout == "numpy seeded ()\n"


def test_the_extension_asks_again_after_the_restore(function: Function, api: FakeRuntimeAPI) -> None:
    """Its connection belongs to the snapshot."""
    function.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    function.write(f"import bootstrap\nbootstrap.on_shutdown(print)\n{ECHO}")
    api.reply_to("/2020-01-01/extension/register", http_reply(200, {"Lambda-Extension-Identifier": "i"}, b"{}"))
    api.reply_to("/2020-01-01/extension/event/next")
    api.reply_to(RESTORE_NEXT, RESTORED)
    function.start()
    api.wait_until(lambda: len([request for request in api.requests if "event/next" in request.path]) == 2)
    parked = [request.connection for request in api.requests if "event/next" in request.path]
    assert len(set(parked)) == 2
