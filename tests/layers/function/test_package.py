"""The zip of a function: its files and its dependencies, for the place it will run in."""

import errno
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.errors import DependencyRefused, SourceRefused, TooLarge, ToolFailed
from layers.function.dependencies import maybe_uv
from layers.function.package import Package, build_package
from layers.function.target import Target
from layers.interpreter.probe import Interpreter
from layers.layer import Built

from .test_machines import X86_64, library
from .wheels import make_wheel

RUNNING = f"3.{sys.version_info[1]}"
BIRD = {"bird/__init__.py": "import beak\nname = 'kestrel'\n", "bird/tests/__init__.py": ""}


@pytest.fixture(params=["uv", "pip"])
def uses_uv(request: pytest.FixtureRequest) -> bool:
    """Each of the two that install."""
    if request.param == "uv" and maybe_uv() is None:
        pytest.skip("uv is not installed: pip install uv")
    return bool(request.param == "uv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function with much beside it, which depends on two wheels of a local folder."""
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "bird", BIRD, requires=["beak"])
    make_wheel(wheels, "beak", {"beak.py": "sharp = True\n"})
    make_wheel(wheels, "claw", {"claw.py": ""}, tag="cp310-cp310-manylinux_2_17_s390x")
    root = tmp_path / "function"
    for name in (
        ".env",
        "tests/test_app.py",
        "__pycache__/app.cpython-311.pyc",
        ".venv/x",
        "env/pyvenv.cfg",
        "data/words.txt",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / "app.py").write_text("import bird\ndef handler(event, context):\n    return bird.name\n")
    require(root, "bird")
    return root


def require(root: Path, *lines: str) -> None:
    """Write the requirements, to be had from the local folder only."""
    (root / "requirements.txt").write_text(
        "\n".join(["--no-index", f"--find-links {root.parent / 'wheels'}", *lines]) + "\n"
    )


def package(
    folder: Path, target: Target | None = None, interpreter: Interpreter | None = None, *, uv: bool = True
) -> Built:
    """Make the zip beside the folder."""
    wanted = Package(folder, target or Target(RUNNING, "x86_64"), interpreter, uses_uv=uv and maybe_uv() is not None)
    return build_package(wanted, folder.parent / "function.zip")


def names(built: Built) -> list[str]:
    """What is in a zip."""
    with zipfile.ZipFile(built.path) as archive:
        return archive.namelist()


def test_what_is_in_it(folder: Path) -> None:
    """Function and dependencies beside each other, without tests, caches, environments, hidden files and programs."""
    assert names(package(folder)) == [
        "app.py",
        "beak-1.0.dist-info/METADATA",
        "beak-1.0.dist-info/RECORD",
        "beak-1.0.dist-info/WHEEL",
        "beak-1.0.dist-info/entry_points.txt",
        "beak.py",
        "bird-1.0.dist-info/METADATA",
        "bird-1.0.dist-info/RECORD",
        "bird-1.0.dist-info/WHEEL",
        "bird-1.0.dist-info/entry_points.txt",
        "bird/__init__.py",
        "data/words.txt",
        "requirements.txt",
    ]


def test_a_dependency_lists_what_is_there(folder: Path) -> None:
    """Whoever reads its metadata on Lambda finds no file that was left out."""
    built = package(folder)
    with zipfile.ZipFile(built.path) as archive:
        listed = [line.split(",")[0] for line in archive.read("bird-1.0.dist-info/RECORD").decode().splitlines()]
    assert [name for name in listed if name not in names(built)] == []
    assert "bird/__init__.py" in listed


def test_it_runs_compiled_and_is_the_same_each_time(folder: Path, running: Interpreter, tmp_path: Path) -> None:
    """Every source has its companion; nothing is of this machine or this moment."""
    built = package(folder, interpreter=running)
    first = built.path.read_bytes()
    assert package(folder, interpreter=running).path.read_bytes() == first
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(tmp_path / "task")
        files = [name for name in archive.namelist() if not name.endswith("requirements.txt")]
        assert not [name for name in files if str(tmp_path).encode() in archive.read(name)]
    assert [
        name for name in files if name.endswith(".py") and not (tmp_path / "task" / companion(name)).is_file()
    ] == []
    ask = "import app, bird; print(app.handler(0, 0), bird.__spec__.cached)"
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path / "task", capture_output=True, text=True, check=True
    )
    assert done.stdout == f"kestrel {tmp_path}/task/{companion('bird/__init__.py')}\n"


def companion(name: str) -> str:
    """Where the compiled form of a source is."""
    source = Path(name)
    return str(source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc")


def test_uv_and_pip_give_the_same(folder: Path) -> None:
    """What they write about themselves is left out."""
    assert package(folder, uv=True).path.read_bytes() == package(folder, uv=False).path.read_bytes()


def test_a_dependency_without_a_wheel_is_named(folder: Path, uses_uv: bool) -> None:
    """With the system it is for, and what can be done."""
    require(folder, "bird", "claw")
    with pytest.raises(
        DependencyRefused, match=r"^claw, which .*requirements\.txt asks for, .* for Python 3\.13 on arm64 Linux"
    ) as refused:
        package(folder, Target("3.13", "arm64"), uv=uses_uv)
    assert "--find-links" in str(refused.value)


def test_wheels_of_the_target_are_taken(folder: Path, uses_uv: bool) -> None:
    """Not those of this machine: up to the target's glibc and for its Python."""
    make_wheel(folder.parent / "wheels", "wing", {"wing.py": "arm"}, tag="cp313-cp313-manylinux_2_34_aarch64")
    make_wheel(folder.parent / "wheels", "wing", {"wing.py": "intel"}, tag="cp313-cp313-manylinux_2_34_x86_64")
    make_wheel(folder.parent / "wheels", "wing", {"wing.py": "new"}, tag="cp313-cp313-manylinux_2_35_aarch64")
    require(folder, "wing")
    with zipfile.ZipFile(package(folder, Target("3.13", "arm64"), uv=uses_uv).path) as archive:
        assert archive.read("wing.py") == b"arm"


def test_other_failures_are_passed_on(folder: Path, uses_uv: bool) -> None:
    """In the words of who found them."""
    require(folder, "bird ==== 1")
    with pytest.raises(ToolFailed, match=r"the dependencies of .*requirements\.txt cannot be installed: "):
        package(folder, uv=uses_uv)


def test_a_function_and_a_dependency_may_not_differ_on_a_file(folder: Path) -> None:
    """The same file is no matter."""
    (folder / "beak.py").write_text("sharp = True\n")
    assert "beak.py" in names(package(folder))
    (folder / "beak.py").write_text("sharp = False\n")
    with pytest.raises(
        SourceRefused, match=r"beak\.py is in the function's folder and in a dependency, and not the same"
    ):
        package(folder)


def test_tests_may_be_kept(folder: Path) -> None:
    """The function's and those of dependencies."""
    wanted = Package(folder, Target(RUNNING, "x86_64"), None, keeps_tests=True)
    found = names(build_package(wanted, folder.parent / "function.zip"))
    assert {"tests/test_app.py", "bird/tests/__init__.py"} <= set(found)


def test_a_function_without_requirements(folder: Path) -> None:
    """Nothing is installed; the zip itself does not go in when it is in the folder."""
    (folder / "requirements.txt").unlink()
    for _ in range(2):
        built = build_package(Package(folder, Target(RUNNING, "x86_64"), None), folder / "function.zip")
        assert names(built) == ["app.py", "data/words.txt"]
    assert built.notes == []


def test_a_lock_file_is_read_by_uv(folder: Path) -> None:
    """It comes before the pyproject.toml beside it."""
    uv = maybe_uv()
    if uv is None:
        pytest.skip("uv is not installed: pip install uv")
    (folder / "requirements.txt").unlink()
    project = {"name": "function", "version": "1", "requires-python": ">=3.10", "dependencies": ["bird"]}
    lines = [f"{key} = {json.dumps(value)}" for key, value in project.items()]
    lines += ["[tool.uv]", "no-index = true", f"find-links = [{json.dumps(str(folder.parent / 'wheels'))}]"]
    (folder / "pyproject.toml").write_text("\n".join(["[project]", *lines]) + "\n")
    subprocess.run([uv, "lock", "--quiet", "--python", sys.executable], cwd=folder, check=True)
    assert "bird/__init__.py" in names(package(folder))


def test_what_would_be_built_here_is_refused(folder: Path, uses_uv: bool) -> None:
    """Nothing is written beside the sources."""
    (folder.parent / "lib").mkdir()
    (folder.parent / "lib" / "setup.py").write_text("import setuptools\nsetuptools.setup(name='lib')\n")
    require(folder, "../lib")
    with pytest.raises(DependencyRefused, match=r"^\.\./lib, which .* would be built here"):
        package(folder, uv=uses_uv)
    assert [path.name for path in (folder.parent / "lib").iterdir()] == ["setup.py"]


def test_a_dependency_for_another_processor_is_refused(folder: Path, uses_uv: bool) -> None:
    """Though the name of its wheel says that it runs anywhere."""
    header = library("bird/song.so", X86_64).content.decode("latin-1")
    assert header.isascii()
    make_wheel(folder.parent / "wheels", "bird", {"bird/song.so": header}, is_pure=False)
    assert "bird/song.so" in names(package(folder, Target(RUNNING, "x86_64"), uv=uses_uv))
    with pytest.raises(DependencyRefused, match=r"^bird/song\.so of bird is compiled for x86_64"):
        package(folder, Target(RUNNING, "arm64"), uv=uses_uv)


def test_zips_beside_the_function_are_left_out(folder: Path) -> None:
    """They are layers and packages that were built there; the summary names them."""
    (folder / "requirements.txt").unlink()
    for name in ("layer.zip", "earlier.zip", "data/words.zip"):
        (folder / name).touch()
    built = package(folder)
    assert names(built) == ["app.py", "data/words.txt", "data/words.zip"]
    assert built.notes == ["Left out: earlier.zip, layer.zip. Zips the function needs belong in a folder below."]


def test_a_package_does_not_contain_its_predecessor(folder: Path, tmp_path: Path) -> None:
    """By whatever name the folder is called."""
    (folder / "requirements.txt").unlink()
    (folder / "dist").mkdir()
    (tmp_path / "link").symlink_to(folder)
    output = folder / "dist" / "package.zip"
    asked = Package(tmp_path / "link", Target(RUNNING, "x86_64"), None)
    first = build_package(asked, output).zipped_bytes
    assert build_package(asked, output).zipped_bytes == first


def test_a_folder_without_a_python_file_is_told(tmp_path: Path) -> None:
    """A project made by `pilotlight init` has its own in src."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "notes.txt").touch()
    told = f"No .py file is at the top of {root}: if the handler's is further down, name its folder"
    assert package(root).notes == [f"{told}."]
    (root / "src").mkdir()
    (root / "src" / "app.py").touch()
    assert package(root).notes == [f"{told}, such as {root}/src."]


def test_a_folder_that_cannot_be_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name; root may read all, so that the refusal is pretended."""
    really, stat = os.scandir, os.stat

    def scandir(path: Path) -> Iterator[os.DirEntry[str]]:
        if path.name == "data":
            raise PermissionError(errno.EACCES, "Permission denied")
        return really(path)

    def stat_file(path: Path | str, **options: bool) -> os.stat_result:
        if str(path).endswith("data/pyvenv.cfg"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", stat_file)
    with pytest.raises(SourceRefused, match=r"function/data cannot be read: Permission denied"):
        package(folder)


def test_a_name_that_is_not_utf_8_is_refused(folder: Path) -> None:
    """It is shown as far as it can be."""
    os.close(os.open(os.fsencode(folder) + b"/a\xff.py", os.O_CREAT))
    with pytest.raises(SourceRefused, match=r"^a\\xff\.py is not a name in UTF-8"):
        package(folder)


def test_a_project_for_another_python_is_refused(folder: Path) -> None:
    """Also where its dependencies are read from another file."""
    (folder / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.12"\n')
    with pytest.raises(SourceRefused, match=r"asks for Python >=3\.12, and the function is for 3\.11"):
        package(folder, Target("3.11", "x86_64"))


def test_a_name_that_does_not_exist_may_be_the_reason(folder: Path, uses_uv: bool) -> None:
    """The refusal does not claim that there is such a package."""
    require(folder, "birrd")
    with pytest.raises(
        DependencyRefused, match=r"^birrd, .* cannot be had as a wheel .*: it does not exist under this"
    ):
        package(folder, uv=uses_uv)


def test_a_folder_that_is_too_large_is_refused_unread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files may be larger than memory."""
    with (folder / "data" / "large").open("wb") as file:
        file.truncate(251 << 20)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read"))
    with pytest.raises(TooLarge, match=r"unpacked it is 251\.0 MB.*The largest: data/large \(251\.0 MB\)"):
        package(folder)


@pytest.mark.parametrize("lock", ["uv.lock", "pylock.toml"])
def test_a_lock_file_is_not_read_by_pip(folder: Path, lock: str) -> None:
    """Whether uv is installed is not the matter then."""
    (folder / lock).touch()
    with pytest.raises(SourceRefused, match=rf"{lock} is read by uv, not by pip: leave --pip out"):
        package(folder, uv=False)


@pytest.mark.parametrize("missing", ["nowhere", "empty"])
def test_a_folder_without_a_function_is_refused(tmp_path: Path, missing: str) -> None:
    """An empty one too."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceRefused, match=r"name the (one|folder) with the function"):
        package(tmp_path / missing)
    assert not (tmp_path / "function.zip").exists()
