"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# The same examples every time: what fails here fails everywhere. `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("steady")
