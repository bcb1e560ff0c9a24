"""Entry: loads the package under a private name and starts it; short, for a script is compiled anew at each start.

The private name leaves every public one, `bootstrap` included, to the function.
"""

import sys

if __name__ == "__main__":  # a child that multiprocessing spawns imports this file again
    _folder = __file__.rpartition("/")[0]
    _spec = sys.modules["_frozen_importlib_external"].spec_from_file_location("_pilotlight", _folder + "/__init__.py")
    sys.modules["_pilotlight"] = _package = sys.modules["_frozen_importlib"].module_from_spec(_spec)
    _spec.loader.exec_module(_package)
    __import__("_pilotlight.start").start.main(_folder)
