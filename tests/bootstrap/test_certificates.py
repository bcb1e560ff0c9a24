"""Which certificates an OpenSSL trusts that was built elsewhere."""

import os
import subprocess
from pathlib import Path

import pytest

from bootstrap.surroundings import certificates

from .fake_runtime_api import FakeRuntimeAPI
from .function import HAS_NAMESPACES, Function

TRUST = "import ssl, os; return [os.environ.get('SSL_CERT_FILE'), ssl.create_default_context().cert_store_stats()]"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose one bundle is a file in this folder, and an OpenSSL that looks for `own.pem` and `own/` there."""
    (tmp_path / "bundle.crt").touch()
    monkeypatch.setattr(certificates, "BUNDLES", (str(tmp_path / "none"), str(tmp_path / "bundle.crt")))
    paths = ("SSL_CERT_FILE", str(tmp_path / "own.pem"), "SSL_CERT_DIR", str(tmp_path / "own"))
    monkeypatch.setattr("_ssl.get_default_verify_paths", lambda: paths)
    return tmp_path


def named_bundle(**environ: str) -> str | None:
    """SSL_CERT_FILE afterwards."""
    certificates.name_bundle(environ)
    return environ.get("SSL_CERT_FILE")


def test_the_bundle_of_the_system_is_named(system: Path) -> None:
    """The first of the known places where there is one."""
    assert named_bundle() == str(system / "bundle.crt")


def test_an_empty_folder_holds_no_certificates(system: Path) -> None:
    """Neither does one whose files OpenSSL would not find."""
    (system / "own").mkdir()
    (system / "own" / "ca-bundle.crt").touch()
    assert named_bundle() == str(system / "bundle.crt")


@pytest.mark.parametrize("name", ["own.pem", "own/1a2b3c4d.0"])
def test_what_openssl_finds_by_itself_stays(system: Path, name: str) -> None:
    """A file or a folder where it looks is enough."""
    (system / name).parent.mkdir(exist_ok=True)
    (system / name).touch()
    assert named_bundle() is None


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_what_the_function_says_stays(name: str) -> None:
    """Either variable, whatever it holds."""
    environ = {name: "/theirs"}
    certificates.name_bundle(environ)
    assert environ == {name: "/theirs"}


def test_without_any_bundle_nothing_is_named(system: Path) -> None:
    """There is no use in naming what does not exist."""
    (system / "bundle.crt").unlink()
    assert named_bundle() is None


def test_nothing_changes_where_certificates_are_found(function: Function, api: FakeRuntimeAPI) -> None:
    """The environment is the one the function was given, and nothing of ours waits for an import any more."""
    function.handler("import ssl, os, sys; return [os.environ.get('SSL_CERT_FILE'), repr(sys.meta_path)]")
    api.event()
    name, finders = function.run().post.json()
    assert name is None
    assert "TLS" not in finders


@pytest.mark.skipif(not HAS_NAMESPACES, reason="needs to be root and mount namespaces")
def test_a_folder_openssl_misses_is_made_good(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Where OpenSSL's own folder is empty the bundle of the system is trusted."""
    bundle = next(filter(os.path.isfile, certificates.BUNDLES), None)
    script = "import ssl; print(ssl.get_default_verify_paths().openssl_cafile)"
    file = subprocess.run([any_python.python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    if bundle is None or not Path(file).parent.is_dir() or Path(file).parent in Path(bundle).parents:
        pytest.skip(f"nothing can be hidden from an OpenSSL that reads {file}")
    any_python.handler(TRUST)
    any_python.mount(f"-t tmpfs none {Path(file).parent}")
    api.event()
    name, trusted = any_python.run().post.json()
    assert name == bundle
    assert trusted["x509_ca"] > 0
