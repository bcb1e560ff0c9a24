"""The base image: what it is built of, and how it is built; new function projects, which begin with it.

Strategy: one Dockerfile, good for `docker build` in a clone of the repository and for `pilotlight image build` anywhere, which
writes the same build context from the installed package. `inside/` is what the image adds to its base besides the packages:

    /lambda-entrypoint.sh ── AWS_LAMBDA_RUNTIME_API set ──▶ /var/runtime/bootstrap          the runtime
                          └─ else ────────────────────────▶ /var/pilotlight/server.py       the front door and its sandboxes

`deploy/` runs it elsewhere, and `projects/` is what `pilotlight init` writes. Nothing here imports the platform.
"""
