"""Managed: what the start script of AWS's managed runtimes does, for a bootstrap that a layer puts in its place.

Its packages, boto3 among them, come before the standard library, after the function's folders; processes the function starts find
the modules of the runtime's folder: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-package-includes
"""

import os
import sys

ENV_RUNTIME_DIR = "LAMBDA_RUNTIME_DIR"


def take_over() -> None:
    """Arrange sys.path and PYTHONPATH, before the function's folders are put in front."""
    runtime = os.environ.get(ENV_RUNTIME_DIR, "/var/runtime")
    packages = f"{sys.base_prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    first = [folder for folder in (packages, runtime) if os.path.isdir(folder)]
    sys.path[:] = first + [entry for entry in sys.path if entry not in first]
    os.environ["PYTHONPATH"] = runtime
