"""JSON path: where in a value something is, written like `$.items[2].price`."""

ROOT = "$"


def step(key: object) -> str:
    """One step down: an index of an array, or a key of an object, in quotes where it is no plain name."""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"


def path_of_nan(value: object) -> "str | None":
    """The path below a value in built-in types to its first NaN or infinity; None when all of it is JSON."""
    if isinstance(value, float):
        return "" if value - value else None
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, item in items:
        below = path_of_nan(item) if path_of_nan(key) is None else ""
        if below is not None:
            return step(key) + below
    return None
