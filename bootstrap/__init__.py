"""The runtime that runs inside the sandbox: the function's side of the Lambda Runtime API.

Three layers that never leak into each other: wire (bytes and requests), loop (one invocation after another) and
handler (what the user wrote). Nothing is imported that the handler did not ask for, because every import here is
paid for at every cold start. For that reason annotations are quoted where evaluating them would need an import.
"""

__version__ = "0.1.0"
