"""Ids of Availability Zones, as sandboxes learn of the one they are in.

Source: the list of ids in the AWS documentation on Regions and Availability Zones.
"""

from __future__ import annotations

import re

_REGION = re.compile(r"([a-z]{2})((?:-[a-z]+)*?)-([a-z]+)-(\d+)")
_DIRECTION = re.compile("north|south|east|west|central")


def zone_id(region: str) -> str:
    """The id of a region's first zone: `use1-az1` for us-east-1, `apse2-az1` for ap-southeast-2, `usgw1-az1` for us-gov-west-1."""
    parts = _REGION.fullmatch(region)
    if parts is None:
        return f"{region}-az1"
    area, kind, direction, number = parts.groups()
    letters = "".join(word[0] for word in [*kind.split("-"), *_DIRECTION.findall(direction)] if word)
    return f"{area}{letters}{number}-az1"
