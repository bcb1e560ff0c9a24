"""Web: a whole ASGI or WSGI app as a handler, in process.

    request.py     event -> HTTP request
    answer.py      HTTP response -> result
    asgi_app.py    the two around an ASGI app, and its lifespan
    wsgi_app.py    the two around a WSGI app

An app has loaded most of the standard library anyway, so this package imports what it needs, other than its parent.
"""
