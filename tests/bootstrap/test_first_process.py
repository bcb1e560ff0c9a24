"""The runtime as the first process of a container: SIGTERM ends it and its children as it ends any other."""

import signal

import pytest

from .fake_runtime_api import FakeRuntimeAPI
from .function import HAS_NAMESPACES, Function

HANDLER = """
import os, signal

def handler(event, context):
    child = os.fork()
    if event or not child:
        os.kill(os.getpid(), signal.SIGTERM)
    return [os.getpid(), os.WTERMSIG(os.waitpid(child, 0)[1])]
"""


@pytest.mark.skipif(not HAS_NAMESPACES, reason="needs to be root and namespaces")
def test_sigterm_ends_it(function: Function, api: FakeRuntimeAPI) -> None:
    """With the status a shell has for that; a child of the function ends by the signal itself."""
    function.write(HANDLER)
    function.command = ["--pid", "--fork", "--kill-child", function.python, *function.command]
    function.python = "unshare"
    api.event(b"0")
    api.event(b"1")
    outcome = function.run()
    assert (outcome.post.json(), outcome.status) == ([1, signal.SIGTERM], 128 + signal.SIGTERM)
