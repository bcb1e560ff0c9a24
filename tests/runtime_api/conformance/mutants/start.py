"""Start a runtime that fails a case, or, for `none`, the one that fails none: python start.py RT-BOOT-001 0."""

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)
    reference = import_module("mutants.reference")
    name, number = sys.argv[1:]
    if name != "none":
        import_module(f"mutants.{name.split('-')[1].lower()}")
    runtimes = reference.MUTANTS.get(name, [import_module("mutants.featured").FeaturedRuntime])
    runtimes[int(number)]().main()
