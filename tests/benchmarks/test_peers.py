"""How peers are installed, and what happens where they cannot be."""

from pathlib import Path

import pytest

from benchmarks import peers

OTHERS = ("python", "node", "node-sdk", "bare-root", "image-base", "image-wheels", "checkers")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders something was installed into; nothing really is."""
    folders: list[Path] = []
    monkeypatch.setattr(peers, "_install_emulator", folders.append)
    monkeypatch.setattr(peers, "_install_python_client", folders.append)
    monkeypatch.setattr(peers, "_install_node_client", folders.append)
    monkeypatch.setattr(peers, "_install_node_sdk", folders.append)
    monkeypatch.setattr(peers, "_install_bare_root", folders.append)
    monkeypatch.setattr(peers, "_install_image_base", folders.append)
    monkeypatch.setattr(peers, "_name_of_wheels", lambda: "wheels")
    monkeypatch.setattr(peers, "_install_wheels", folders.append)
    monkeypatch.setattr(peers, "_install_checkers", folders.append)
    monkeypatch.delenv("CI", raising=False)
    return folders


def _fail(_folder: Path) -> None:
    raise peers.PeerMissing("a tool is missing")


def test_installs_once(tmp_path: Path, installed: list[Path]) -> None:
    """The second time there is nothing to do."""
    assert (peers.install(tmp_path), peers.install(tmp_path)) == (0, 0)
    assert sorted(installed) == sorted(tmp_path / name for name in ("emulator", *OTHERS))


def test_installs_again_when_the_version_changes(
    tmp_path: Path, installed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that holds another version is made anew."""
    peers.install(tmp_path)
    monkeypatch.setattr(peers, "EMULATOR_PACKAGE", "aws-sam-cli==9.9.9")
    peers.install(tmp_path)
    assert installed[1 + len(OTHERS) :] == [tmp_path / "emulator"]


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_a_missing_emulator_fails_ci_only(
    tmp_path: Path,
    installed: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ci: str,
    status: int,
) -> None:
    """Elsewhere it is said, and the other peers are installed all the same."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(peers, "_install_emulator", _fail)
    assert peers.install(tmp_path) == status
    assert sorted(installed) == sorted(tmp_path / name for name in OTHERS)
    assert "a tool is missing" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_a_missing_node_client_fails_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compiled where it is installed, and not everybody can; an attempt that failed is tried again."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(peers, "_install_node_client", _fail)
    assert peers.install(tmp_path) == 0
    assert not (tmp_path / "node" / ".installed").exists()


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """An empty folder holds no peers."""
    assert peers.emulator_path(tmp_path) is None
    assert peers.python_client_path(tmp_path) is None
    assert peers.node_client_path(tmp_path) is None
    assert peers.bare_root_path(tmp_path) is None
    assert peers.image_store_path(tmp_path) is None
    assert peers.image_wheels_path(tmp_path) is None
    assert peers.checkers_path(tmp_path) is None
