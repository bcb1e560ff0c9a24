from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.sandbox.isolation.bubblewrap import (
    IsolationUnavailable,
    View,
    arguments,
    check_bubblewrap,
    has_privileges,
    program_prefixes,
)
from runtime_api.sandbox.isolation.isolated_place import IsolatedPlace
from runtime_api.sandbox.isolation.places import Places
from tests.runtime_api.sandbox.isolation.conftest import Make, Programs, needs_bubblewrap
from tests.runtime_api.waiting import until


@pytest.fixture(params=[pytest.param("bubblewrap", marks=needs_bubblewrap)])
def isolation(request: pytest.FixtureRequest) -> str:
    """This one only."""
    return str(request.param)


# what a program finds


async def test_the_documented_folders(make: Make, programs: Programs, task_root: Path, tmp_path: Path) -> None:
    """The code, the layers, the bootstrap, each read-only; /tmp for everybody."""
    (task_root / "app.py").write_text("x")
    (tmp_path / "layer" / "bin").mkdir(parents=True)
    source = """
        import os, stat
        print(os.listdir("/var/task"), os.listdir("/opt"), "start.py" in os.listdir("/var/runtime"))
        for folder in ("/", "/var", "/var/task", "/opt", "/opt/bin", "/var/runtime", "/usr", "/etc", "/dev"):
            try:
                open(folder + "/new", "w")
            except OSError as error:
                print(folder, error.errno in (1, 13, 30), end=" ")
        print(oct(os.stat("/tmp").st_mode), os.stat("/var/task").st_mode & 0o777 == 0o755)
        """
    said = (await programs.say(await make(layers=(str(tmp_path / "layer"),)), source)).splitlines()
    folders = ("/", "/var", "/var/task", "/opt", "/opt/bin", "/var/runtime", "/usr", "/etc", "/dev")
    assert said == [
        "['app.py'] ['bin'] True",
        " ".join(f"{folder} True" for folder in folders) + " 0o41777 True",
    ]


async def test_nothing_else_of_the_machine(place: IsolatedPlace, programs: Programs, tmp_path: Path) -> None:
    """Not the user's files, not other programs' temporary ones, no shared memory, no other process."""
    source = f"""
        import os
        print([path for path in ({str(tmp_path)!r}, "/home", "/dev/shm", "/sys", "/run", "/etc/shadow") if os.path.exists(path)])
        print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()))
        print({str(tmp_path)!r} in open("/proc/1/cmdline").read())
        """
    assert (await programs.say(place, source)).splitlines() == ["[]", "[1, 2]", "False"]


async def test_the_user_is_the_services(place: IsolatedPlace, programs: Programs) -> None:
    """With a name, a group and no privileges."""
    source = """
        import os
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print(os.getresuid(), os.getresgid(), int(status["CapEff"], 16), status["NoNewPrivs"].strip())
        print([line.split(":")[0] for line in open("/etc/passwd") if line.split(":")[2] == str(os.getuid())])
        """
    said = (await programs.say(place, source)).splitlines()
    assert said == ["(993, 993, 993) (990, 990, 990) 0 1", "['sbx_user1051']"]


async def test_the_limits_are_the_services(place: IsolatedPlace, programs: Programs) -> None:
    """As far as this machine's own allow."""
    source = """
        import resource
        print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_STACK)[0])
        """
    assert await programs.say(place, source) == "(1024, 1024) 8388608"


async def test_the_sandbox_has_its_name(place: IsolatedPlace, programs: Programs) -> None:
    """Telemetry is listened for under it."""
    running = programs.start(place, "/usr/bin/getent", "hosts", "sandbox.localdomain")
    assert (await running.ends(), running.printed.split()[0]) == (0, "127.0.0.1")


async def test_tmp_has_its_size_and_no_more(make: Make, programs: Programs) -> None:
    """More than memory may be in it, and one byte more than its size does not fit."""
    place = await make(tmp_mb=512, memory_mb=128)
    source = """
        with open("/tmp/large", "wb", buffering=0) as file:
            for _ in range(512):
                file.write(bytes(1 << 20))
            try:
                file.write(b"x")
            except OSError as error:
                print(error.strerror)
        """
    assert await programs.say(place, source) == "No space left on device"
    assert not place.ran_out_of_memory()


async def test_code_only_its_owner_may_look_up(make: Make, programs: Programs, task_root: Path) -> None:
    """A temporary folder is closed to other users, and what is in it is not."""
    (task_root / "app.py").write_text("code")
    (task_root / "link").symlink_to("app.py")
    task_root.chmod(0o700)
    assert (
        await programs.say(await make(), "print(open('/var/task/app.py').read(), open('/var/task/link').read())")
        == "code code"
    )


async def test_processes_of_one_place_see_each_other(place: IsolatedPlace, programs: Programs) -> None:
    """An extension finds its runtime, as in the service."""
    runtime = programs.python(place, "import os, signal; print(os.getpid(), flush=True); signal.pause()")
    await runtime.says("\n")
    assert await programs.say(place, f"import os; os.kill({runtime.printed}, 9)") == ""
    assert await runtime.ends() == -9


async def test_orphans_are_cleared_away(place: IsolatedPlace, programs: Programs) -> None:
    """A child whose parent is gone leaves no zombie."""
    await programs.say(place, "import os\nif os.fork() == 0:\n    os.fork()")
    await until(lambda: place.members() == [])


# what is told to bubblewrap


def view(folder: Path, **members: Any) -> View:  # noqa: ANN401  (any member)
    """A view of a function in `folder`."""
    plain = {"task_root": str(folder), "layers": None, "runtime_dir": "/r", "etc": "/e", "programs": (), "tmp_mb": 512}
    return View(**{**plain, **members})


def pairs(told: list[str], option: str, count: int = 2) -> list[tuple[str, ...]]:
    """What follows each time an option stands there."""
    return [tuple(told[index + 1 : index + 1 + count]) for index, word in enumerate(told) if word == option]


def test_without_privileges_the_user_only_looks_so(tmp_path: Path) -> None:
    """A user namespace gives the number."""
    assert pairs(arguments(view(tmp_path), privileged=False), "--uid", 1) == [("993",)]
    assert "--unshare-user" not in arguments(view(tmp_path), privileged=True)


def test_nothing_is_bound_for_writing(tmp_path: Path) -> None:
    """Devices apart."""
    told = arguments(view(tmp_path), privileged=True)
    assert "--bind" not in told
    assert {source.split("/")[1] for source, _ in pairs(told, "--dev-bind-try")} == {"dev"}


def test_an_interpreter_below_opt_is_beside_the_layers(tmp_path: Path) -> None:
    """Layers are mounted entry by entry, so that there is room for others."""
    (tmp_path / "layers" / "bin").mkdir(parents=True)
    (tmp_path / "layers" / "link").symlink_to("bin")
    told = arguments(view(tmp_path, layers=str(tmp_path / "layers"), programs=("/opt/python3.12",)), privileged=True)
    assert (f"{tmp_path}/layers/bin", "/opt/bin") in pairs(told, "--ro-bind")
    assert ("bin", "/opt/link") in pairs(told, "--symlink")
    assert ("/opt/python3.12", "/opt/python3.12") in pairs(told, "--ro-bind")


def test_a_programs_prefixes(tmp_path: Path) -> None:
    """Where it is, and where links lead; the system's folders are there anyway."""
    base, venv, tools = tmp_path / "base", tmp_path / "venv", tmp_path / "tools"
    for folder in (base / "bin", base / "lib", venv / "bin", tools / "bin"):
        folder.mkdir(parents=True)
    (base / "bin" / "python3").write_text("")
    (venv / "pyvenv.cfg").write_text("")
    (venv / "bin" / "python").symlink_to("python3")
    (venv / "bin" / "python3").symlink_to(base / "bin" / "python3")
    (tools / "bin" / "run").write_text("")
    assert program_prefixes(str(venv / "bin" / "python")) == (str(venv), str(base))
    assert program_prefixes(str(tools / "bin" / "run")) == (str(tools / "bin"),)
    assert program_prefixes("/usr/bin/env") == ()


def test_links_that_go_round_in_a_circle(tmp_path: Path) -> None:
    """The program will not start, and its search ends."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert program_prefixes(str(tmp_path / "a")) == (str(tmp_path),)


async def test_a_command_may_be_in_a_layer(make: Make, programs: Programs, tmp_path: Path) -> None:
    """Nothing of this machine's own /opt is needed for it, and none is seen."""
    program = tmp_path / "layer" / "bin" / "run-it"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho /opt/*\n")
    program.chmod(0o755)
    place = await make(layers=(str(tmp_path / "layer"),), runtime="command", command=("/opt/bin/run-it",))
    running = programs.start(place, "/opt/bin/run-it")
    assert (await running.ends(), running.printed) == (0, "/opt/bin\n")


# where it cannot be had


def test_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is named."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(IsolationUnavailable) as missing:
        check_bubblewrap()
    assert str(missing.value) == (
        "isolation bubblewrap needs the program bwrap: install the bubblewrap package (Debian: apt install bubblewrap)"
    )


async def test_a_machine_that_allows_no_namespaces(
    places: Places, task_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bubblewrap's own words, and nothing left."""
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\nprintf 'bwrap: ' >&2\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    function = Function(name="hello", task_root=str(task_root), runtime="provided", isolation="bubblewrap")
    with pytest.raises(IsolationUnavailable) as missing:
        await places.make(function)
    assert str(missing.value) == (
        "isolation bubblewrap cannot be had here: bwrap: No permissions to create new namespace"
    )


@pytest.mark.parametrize(
    ("mask", "expected"), [("000001ffffffffff", True), ("0000000000000000", False), ("00000000a80425fb", False)]
)
def test_privileges_are_read_from_the_process(tmp_path: Path, mask: str, expected: bool) -> None:
    """All, none, and those of root in a container."""
    (tmp_path / "status").write_text(f"Name:\tx\nCapPrm:\t0\nCapEff:\t{mask}\nCapBnd:\t0\n")
    assert has_privileges(tmp_path / "status") is expected


BY_SOMEBODY = """
    import asyncio, os, sys
    from runtime_api.protocol.function.function import Function
    from runtime_api.sandbox.clock import SystemClock
    from runtime_api.sandbox.isolation.places import Places
    from runtime_api.sandbox.surroundings.runtimes import Launch

    async def main(task_root):
        places = Places(SystemClock())
        members = {"runtime": "command", "command": (sys.executable,), "isolation": "bubblewrap"}
        place = await places.make(Function(name="hello", task_root=task_root, **members))
        source = "import os; open('/tmp/x', 'w'); print(os.getuid(), os.getgid(), os.listdir('/tmp'), os.getcwd(), flush=True); os._exit(7)"
        group = place.start(Launch((sys.executable, "-I", "-S", "-c", source)), {}, 1)
        print(await group.exited, os.getuid(), flush=True)
        await group.reap()
        await place.close()
        await places.close()

    asyncio.run(main(*sys.argv[1:]))
    """


@pytest.mark.skipif(shutil.which("setpriv") is None or os.geteuid() != 0, reason="only root can become somebody else")
@needs_bubblewrap
def test_an_ordinary_user() -> None:
    """It works without any privileges, where the kernel gives user namespaces to everybody; the user looks the same from inside."""
    become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    look = [sys.executable, "-c", "import msgspec, os, sys; sys.exit(not os.access(sys.executable, os.X_OK))"]
    if subprocess.run([*become, *look], capture_output=True, check=False).returncode:
        pytest.skip("this interpreter is not for other users")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        command = [*become, sys.executable, "-c", dedent(BY_SOMEBODY), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[4])
    if "No permissions to create new namespace" in done.stderr:
        pytest.skip("this kernel gives user namespaces to root only")
    assert done.stdout.splitlines() == ["993 990 ['x'] /var/task", "7 65534"], done.stderr
