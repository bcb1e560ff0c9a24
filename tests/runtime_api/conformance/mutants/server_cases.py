"""All mutants of the server mode, by being imported."""

from . import server_conc, server_ext, server_next, server_resp, server_rest, server_strm, server_tel

__all__ = ["server_conc", "server_ext", "server_next", "server_resp", "server_rest", "server_strm", "server_tel"]
