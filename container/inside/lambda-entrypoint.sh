#!/bin/sh
# One argument, the handler. With AWS_LAMBDA_RUNTIME_API this is a runtime, without it a server on $PORT.
# The first process of a container hears no signal it has no word on.
trap 'exit 143' TERM
if [ $# -ne 1 ]; then
    echo "entrypoint requires the handler name to be the first argument" >&2
    exit 142
fi
if [ -n "$AWS_LAMBDA_RUNTIME_API" ]; then
    export _HANDLER="$1"
    exec /var/runtime/bootstrap
fi
exec python3 /var/pilotlight/server.py "$1"
