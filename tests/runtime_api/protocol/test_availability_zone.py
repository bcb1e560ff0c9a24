from __future__ import annotations

import pytest

from runtime_api.protocol.availability_zone import zone_id


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-east-1", "use1-az1"),
        ("us-west-2", "usw2-az1"),
        ("eu-central-1", "euc1-az1"),
        ("ap-northeast-1", "apne1-az1"),
        ("ap-southeast-2", "apse2-az1"),
        ("ca-central-1", "cac1-az1"),
        ("us-gov-west-1", "usgw1-az1"),
        ("cn-north-1", "cnn1-az1"),
        ("il-central-1", "ilc1-az1"),
        ("moon", "moon-az1"),
    ],
)
def test_zones_are_named_after_their_region(region: str, expected: str) -> None:
    """By the letters AWS has for each part; what is no region of AWS keeps its name."""
    assert zone_id(region) == expected
