"""The layers a template declares, found by the ARNs that its functions have of them."""

from __future__ import annotations

from typing import Any

from runtime_api.config.document import Document, KeyPath
from runtime_api.config.sam.intrinsics import Intrinsics

LAYER_TYPES = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")


def layers_of(document: Document, intrinsics: Intrinsics, raw: Any, path: KeyPath) -> tuple[str, ...]:  # noqa: ANN401
    """The zips and folders of a function's Layers, unresolved; raises ConfigurationError for those of elsewhere."""
    layers = intrinsics.resolve(raw, path)
    if layers is None:
        return ()
    if not isinstance(layers, list):
        raise document.error(path, "expected a list")
    declared = _declared(document, intrinsics)
    for index, layer in enumerate(layers):
        if not isinstance(layer, str) or layer not in declared:
            what = f"the layer {layer} is not in this template: name zips and folders with --layer"
            raise document.error((*path, index), what)
    return tuple(_content(document, intrinsics, declared[layer]) for layer in layers)


def _declared(document: Document, intrinsics: Intrinsics) -> dict[str, str]:
    """The logical id of each layer, by the ARN it would have."""
    layers = (name for name, resource in document.data["Resources"].items() if resource.get("Type") in LAYER_TYPES)
    return {intrinsics.resolve({"Ref": name}, ("Resources", name)): name for name in layers}


def _content(document: Document, intrinsics: Intrinsics, logical_id: str) -> str:
    properties = document.data["Resources"][logical_id].get("Properties") or {}
    path: KeyPath = ("Resources", logical_id, "Properties", "ContentUri")
    content = intrinsics.resolve(properties.get("ContentUri"), path)
    found = document.file.parent / content if isinstance(content, str) else None
    if found is None or not found.exists():
        raise document.error(path, f"there is no zip or folder {found or content}")
    return str(found.resolve())
