from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime_api.dispatch.dispatcher import Dispatcher
from runtime_api.dispatch.managed_pool import ManagedPool
from runtime_api.dispatch.pool import Pool
from runtime_api.dispatch.tenants import TenantPools
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.function_name import Account, parse_reference
from runtime_api.protocol.invoke.errors import AccessDenied, ResourceNotFound, ServiceFailure
from tests.runtime_api.fake_runtime import invocation
from tests.runtime_api.runtime_scripts import PIDS, script_function
from tests.runtime_api.waiting import PATIENCE_S


def made(name: str, folder: Path, **options: object) -> Function:
    """A function of this name, in a folder of its own."""
    (folder / name).mkdir()
    return script_function(folder / name, PIDS, name=name, **options)


@pytest.fixture
async def dispatcher(tmp_path: Path, no_loop_errors: None) -> AsyncIterator[Dispatcher]:
    """Two functions, and one whose interpreter is missing."""
    broken = Function(name="broken", task_root=str(tmp_path), handler="a.b", python="/no/such/python")
    dispatcher = Dispatcher([made("one", tmp_path), made("two", tmp_path), broken], Account())
    yield dispatcher
    await dispatcher.close()


async def test_the_kinds_of_pools(tmp_path: Path) -> None:
    """By what the function is: one at a time, one tenant at a time, or several at once."""
    functions = [
        made("a", tmp_path),
        made("b", tmp_path, tenant_isolation=True),
        made("c", tmp_path, max_concurrency=2),
    ]
    dispatcher = Dispatcher(functions, Account())
    assert [type(pool) for pool in dispatcher._pools.values()] == [Pool, TenantPools, ManagedPool]
    await dispatcher.close()


async def test_each_function_has_its_own_sandboxes(dispatcher: Dispatcher) -> None:
    """Two functions never share a process."""
    one, two = (dispatcher.find(parse_reference(name)).function for name in ("one", "two"))
    calls = [dispatcher.invoke(function, invocation()) for function in (one, two)]
    outcomes = await asyncio.wait_for(asyncio.gather(*calls), PATIENCE_S)
    assert outcomes[0].body != outcomes[1].body


@pytest.mark.parametrize(
    "text",
    ["one", "one:$LATEST", "123456789012:function:one", "arn:aws:lambda:us-east-1:123456789012:function:one:$LATEST"],
)
async def test_a_function_is_found_by_every_form_of_its_name(dispatcher: Dispatcher, text: str) -> None:
    """And by the one version there is."""
    assert dispatcher.find(parse_reference(text)).function.name == "one"


@pytest.mark.parametrize(
    ("text", "arn"),
    [("three", "three:$LATEST"), ("one:PROD", "one:PROD"), ("one:1", "one:1"), ("One", "One:$LATEST")],
)
async def test_what_is_not_there(dispatcher: Dispatcher, text: str, arn: str) -> None:
    """404 with the ARN, the version included."""
    with pytest.raises(ResourceNotFound) as refused:
        dispatcher.find(parse_reference(text))
    assert refused.value.message == f"Function not found: arn:aws:lambda:us-east-1:123456789012:function:{arn}"


async def test_somebody_elses_function(dispatcher: Dispatcher) -> None:
    """Denied, whether it exists or not."""
    with pytest.raises(AccessDenied):
        dispatcher.find(parse_reference("999999999999:function:one"))


async def test_an_interpreter_that_is_missing_is_our_failure(dispatcher: Dispatcher) -> None:
    """500, with what is wrong; and it is not cached as a busy sandbox."""
    function = dispatcher.find(parse_reference("broken")).function
    for _ in range(12):
        with pytest.raises(ServiceFailure, match="the interpreter '/no/such/python' cannot be used"):
            await dispatcher.invoke(function, invocation())


async def test_functions_keep_their_order(dispatcher: Dispatcher) -> None:
    """As they were given."""
    assert [function.name for function in dispatcher.functions] == ["one", "two", "broken"]


def test_two_functions_of_one_name(tmp_path: Path) -> None:
    """Refused when they are given, not when one of them is called."""
    function = made("one", tmp_path)
    with pytest.raises(InvalidFunction) as refused:
        Dispatcher([function, function], Account())
    assert str(refused.value) == "two functions are called 'one': rename one"
