from __future__ import annotations

import pytest

from runtime_api.protocol.phases import InitializationType, init_limit_ms


@pytest.mark.parametrize("kind", InitializationType)
@pytest.mark.parametrize(("timeout_ms", "long_ms"), [(3_000, 130_000), (130_000, 130_000), (900_000, 900_000)])
def test_init_limits(kind: InitializationType, timeout_ms: int, long_ms: int) -> None:
    """Ten seconds on demand; 130 for all others, or the function's timeout where that is longer."""
    expected = 10_000 if kind is InitializationType.ON_DEMAND else long_ms
    assert init_limit_ms(kind, timeout_ms) == expected
