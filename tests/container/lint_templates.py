"""What AWS's own tools say of SAM templates: `python lint_templates.py FILE...` prints a JSON list of findings for each file.

A template is translated first, as a deployment does it: the linter alone lets wrong values through in the SAM form. Runs in the
environment of the checkers, which has both tools and none of ours.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cfnlint.api import lint
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# What a deployment puts in place of folders and zips.
_CODE = "s3://bucket/key"
_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:1"


class _NoPolicies:
    @staticmethod
    def load() -> dict[str, str]:
        return {}


def findings(text: str) -> list[str]:
    """One line each; what is only meant to inform is left out."""
    template = yaml_parse(text)
    for resource in template["Resources"].values():
        _upload(resource["Properties"])
    matches = lint(json.dumps(transform(template, {}, _NoPolicies())))
    return [str(match) for match in matches if not match.rule.id.startswith("I")]


def _upload(properties: dict[str, Any]) -> None:
    for key in {"CodeUri", "ContentUri"} & properties.keys():
        properties[key] = _CODE
    if properties.get("PackageType") == "Image":
        properties["ImageUri"] = _IMAGE


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    texts = [Path(name).read_text() for name in sys.argv[1:]]
    print(json.dumps([findings(text) for text in texts]))
