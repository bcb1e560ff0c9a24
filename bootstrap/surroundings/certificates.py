"""Certificates: where the system keeps those of the authorities, for an OpenSSL that looks elsewhere.

An interpreter that was built on one Linux and runs on another, as one in a layer may, trusts nobody. Whether that is so
OpenSSL itself can say, and is asked when the function imports `ssl`: for a function without TLS there is nothing to
find out. A function that needs SSL_CERT_FILE for something else, such as a library with an OpenSSL of its own, sets it.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping

ENV_SSL_CERT_DIR = "SSL_CERT_DIR"
ENV_SSL_CERT_FILE = "SSL_CERT_FILE"
# Of Amazon Linux and its kin, of Debian and its kin, of Alpine and macOS; the first that exists is taken.
BUNDLES = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem")


def name_bundle(environ: "MutableMapping[str, str]") -> None:
    """Set SSL_CERT_FILE, unless there are certificates where OpenSSL looks or the function says where they are."""
    if environ.get(ENV_SSL_CERT_FILE) or environ.get(ENV_SSL_CERT_DIR):
        return
    try:
        from _ssl import get_default_verify_paths
    except ImportError:  # not every interpreter has it
        return
    _, file, _, folder = get_default_verify_paths()
    bundle = next(filter(os.path.isfile, BUNDLES), None)
    if bundle and not os.path.isfile(file) and not _has_certificates(folder):
        environ[ENV_SSL_CERT_FILE] = bundle


def _has_certificates(folder: str) -> bool:
    """OpenSSL finds them by hashes as names."""
    try:
        return any(name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False
