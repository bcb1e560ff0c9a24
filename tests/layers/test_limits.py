"""What Lambda accepts."""

import pytest

from layers.entries import Entry
from layers.errors import TooLarge
from layers.limits import UNZIPPED_LIMIT_BYTES, UPLOAD_LIMIT_BYTES, check_unzipped, fits_upload

HALF = bytes(UNZIPPED_LIMIT_BYTES // 2)


def test_the_limit_is_for_all_together() -> None:
    """250 MB fit, and a byte more does not; the largest files are named."""
    assert check_unzipped([Entry("a", HALF), Entry("b", HALF)]) == 262_144_000
    with pytest.raises(
        TooLarge, match=r"unpacked it is 250\.0 MB.*The largest: models/big \(125\.0 MB\), b \(125\.0 MB\), c"
    ):
        check_unzipped([Entry("models/big", HALF), Entry("b", HALF), Entry("c", b"1")])


def test_what_may_be_sent_with_a_call() -> None:
    """50 MB."""
    assert fits_upload(UPLOAD_LIMIT_BYTES)
    assert not fits_upload(UPLOAD_LIMIT_BYTES + 1)
