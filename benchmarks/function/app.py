"""The function every server and client is measured with: it gives the event back."""


def handler(event: object, _context: object) -> object:
    """Echo."""
    return event
