from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from runtime_api.sandbox.isolation.isolated_place import DISABLING_FILE, IsolatedPlace
from runtime_api.sandbox.isolation.places import Places
from runtime_api.sandbox.surroundings.runtimes import LaunchFailed
from tests.runtime_api.living_sandbox import is_gone
from tests.runtime_api.sandbox.isolation.conftest import Make, Programs, cgroups_of
from tests.runtime_api.virtual_clock import VirtualClock
from tests.runtime_api.waiting import until

# Fills a megabyte at a time, and says so first.
HOG = """
    import os, time
    print("begins", flush=True)
    held = []
    while len(held) < 300:
        held.append(b"x" * 1024 * 1024)
        time.sleep(0.0005)
    print("held it all", flush=True)
    """
COUNT = """
    import itertools, time
    for number in itertools.count():
        print(number, flush=True)
        time.sleep(0.001)
    """
# A child in a session of its own that nobody waits for, once it has said its number.
STRAY = """
    import os, signal, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print("stray", flush=True)
            signal.pause()
        os._exit(0)
    """


# programs


@pytest.mark.parametrize(
    ("source", "returncode"),
    [("", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9), ("import os; os.abort()", -6)],
)
async def test_the_return_code(place: IsolatedPlace, programs: Programs, source: str, returncode: int) -> None:
    """As subprocess has it: an exit of 137 and a SIGKILL are two things."""
    assert await programs.python(place, source).ends() == returncode


async def test_a_return_code_that_looks_like_a_signal(place: IsolatedPlace, programs: Programs) -> None:
    """It stays the return code it is."""
    assert await programs.python(place, "raise SystemExit(137)").ends() == 137


async def test_a_program_that_is_not_there(place: IsolatedPlace, programs: Programs) -> None:
    """The service's words, with the path as the sandbox sees it."""
    path = f"{place.folders.task_root}/bootstrap"
    with pytest.raises(LaunchFailed) as failed:
        programs.start(place, path)
    assert str(failed.value) == f"fork/exec {path}: no such file or directory"


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("#!/bin/sh\n", 0o644, "permission denied"),
        ("#!/no/such/shell\n", 0o755, "no such file or directory"),
        ("\0", 0o755, "exec format error"),
    ],
)
async def test_a_program_that_cannot_be_executed(
    place: IsolatedPlace, programs: Programs, task_root: Path, content: str, mode: int, reason: str
) -> None:
    """What the system says."""
    (task_root / "bootstrap").write_text(content)
    (task_root / "bootstrap").chmod(mode)
    path = f"{place.folders.task_root}/bootstrap"
    with pytest.raises(LaunchFailed) as failed:
        programs.start(place, path)
    assert str(failed.value) == f"fork/exec {path}: {reason}"


async def test_what_a_program_is_given(place: IsolatedPlace, programs: Programs) -> None:
    """Its environment and nothing else, the task root, an empty standard input, one pipe for both outputs, default signals."""
    source = """
        import os, signal, sys
        print(sorted(os.environ) , os.getcwd(), sys.stdin.read() == "", os.getpid() == os.getsid(0) == os.getpgrp())
        print(os.path.samestat(os.fstat(1), os.fstat(2)), sorted(map(int, os.listdir("/proc/self/fd")))[:-1])
        print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, signal.pthread_sigmask(signal.SIG_BLOCK, []))
        """
    said = await programs.say(place, source, environment={"LC_ALL": "C.UTF-8"})
    assert said.splitlines() == [
        f"['LC_ALL'] {place.folders.task_root} True True",
        "True [0, 1, 2]",
        "True set()",
    ]


async def test_further_descriptors_keep_their_numbers(place: IsolatedPlace, programs: Programs) -> None:
    """A function finds a pipe where a variable says it is."""
    reading, writing = os.pipe()
    try:
        await programs.say(place, f"import os; os.write({writing}, b'framed')", pass_fds=(writing,))
        assert os.read(reading, 100) == b"framed"
    finally:
        os.close(reading)
        os.close(writing)


async def test_the_process_is_the_programs_own(place: IsolatedPlace, programs: Programs) -> None:
    """Not that of whatever started it: signals and measures reach the program."""
    running = programs.python(
        place, "import sys; print('up', flush=True); sys.stdin = open('/dev/zero'); import signal; signal.pause()"
    )
    await running.says("up")
    assert psutil.Process(running.group.pid).cmdline()[0] == sys.executable
    assert not running.group.has_ended()
    os.kill(running.group.pid, signal.SIGKILL)
    assert await running.ends() == -9
    assert running.group.has_ended()


async def test_an_end_is_seen_before_it_is_told(place: IsolatedPlace, programs: Programs) -> None:
    """A program that died is known to have, though the loop has not turned since."""
    running = programs.python(place, "print('up', flush=True); import signal; signal.pause()")
    await running.says("up")
    os.killpg(running.group.pid, signal.SIGKILL)
    while not running.group.has_ended():
        pass
    assert not running.group.exited.done()
    await running.ends()


async def test_terminating_lets_a_program_leave_in_its_own_way(place: IsolatedPlace, programs: Programs) -> None:
    """SIGTERM, which it may handle."""
    source = """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        print("up", flush=True)
        signal.pause()
        """
    running = programs.python(place, source)
    await running.says("up")
    running.group.terminate()
    assert await running.ends() == 5


# who else is there


async def test_killing_takes_the_group(place: IsolatedPlace, programs: Programs) -> None:
    """Children go with their parent."""
    running = programs.python(place, "import os, signal; os.fork(); print('up', flush=True); signal.pause()")
    await until(lambda: running.printed.count("up") == 2)
    (child,) = psutil.Process(running.group.pid).children()
    running.group.kill()
    await running.ends()
    await until(lambda: is_gone(child.pid))


async def test_who_left_the_group_ends_with_the_last_program(place: IsolatedPlace, programs: Programs) -> None:
    """The state of processes does not outlive a sandbox; what is still waited for is left alone till then."""
    environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    extension = programs.python(place, "import signal; signal.pause()", environment=environment)
    running = programs.python(place, STRAY, environment=environment)
    await running.says("stray")
    assert await running.ends() == 0
    (stray,) = [pid for pid in place.members() if pid != extension.group.pid]
    assert not is_gone(stray)
    extension.group.kill()
    await extension.ends()
    await until(lambda: is_gone(stray))


async def test_two_places_leave_each_other_alone(make: Make, programs: Programs) -> None:
    """The end of one sandbox is not the end of another."""
    first, second = await make(), await make()
    one = programs.python(first, "import signal; signal.pause()", environment={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"})
    other = programs.python(
        second, "import signal; signal.pause()", environment={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:2"}
    )
    one.group.kill()
    await one.ends()
    await first.close()
    assert not other.group.has_ended()
    other.group.kill()
    await other.ends()


# folders


async def test_temporary_files_outlive_a_sandbox_but_not_the_place(make: Make, programs: Programs) -> None:
    """A runtime that ended leaves its files to the next one; another place has its own."""
    environment: dict[str, str] = {}
    first, second = await make(), await make()
    for place, expected in [(first, "False"), (first, "True"), (second, "False")]:
        left = (place.folders.tmp or "/tmp") + "/left"
        source = f"import os; print(os.path.exists({left!r})); open({left!r}, 'w').close()"
        assert await programs.say(place, source, environment=environment) == expected


async def test_layers_are_merged_into_opt(make: Make, programs: Programs, tmp_path: Path) -> None:
    """Later ones win."""
    for name in ("first", "second"):
        (tmp_path / name / "lib").mkdir(parents=True)
        (tmp_path / name / "lib" / name).write_text(name)
        (tmp_path / name / "both").write_text(name)
    place = await make(layers=(str(tmp_path / "first"), str(tmp_path / "second")))
    opt = place.folders.opt
    source = f"import os; print(sorted(os.listdir({opt!r})), sorted(os.listdir({opt + '/lib'!r})), open({opt + '/both'!r}).read())"
    assert await programs.say(place, source) == "['both', 'lib'] ['first', 'second'] second"


async def test_extensions_are_the_files_in_their_folder(make: Make, programs: Programs, tmp_path: Path) -> None:
    """Folders are not, links are; each is started by its path."""
    folder = tmp_path / "layer" / "extensions"
    (folder / "folder").mkdir(parents=True)
    (folder / "b").write_text("#!/bin/sh\necho here\n")
    (folder / "b").chmod(0o755)
    (folder / "a").symlink_to("b")
    place = await make(layers=(str(tmp_path / "layer"),))
    assert place.extensions() == ["a", "b"]
    running = programs.start(place, f"{place.folders.opt}/extensions/a", environment={"PATH": "/usr/bin:/bin"})
    assert (await running.ends(), running.printed) == (0, "here\n")


async def test_extensions_can_be_switched_off(make: Make, tmp_path: Path) -> None:
    """By a file in a layer."""
    (tmp_path / "layer" / "extensions").mkdir(parents=True)
    (tmp_path / "layer" / "extensions" / "a").write_text("")
    (tmp_path / "layer" / DISABLING_FILE).write_text("")
    assert (await make(layers=(str(tmp_path / "layer"),))).extensions() == []


async def test_without_layers_there_are_no_extensions(place: IsolatedPlace) -> None:
    """Nothing of this machine's own /opt is looked at."""
    assert place.extensions() == []


# limits


async def test_too_much_memory_is_a_kill(make: Make, programs: Programs, clock: VirtualClock) -> None:
    """The report says it used all it had."""
    place = await make(memory_mb=128)
    running = programs.python(place, HOG)

    def has_ended() -> bool:
        clock.advance(10)
        return running.group.exited.done()

    await until(has_ended)
    assert place.ran_out_of_memory()
    assert place.peak_memory_mb() == 128
    assert (await running.ends(), running.printed) == (-9, "begins\n")


async def test_the_next_sandbox_starts_with_a_clean_record(make: Make, programs: Programs, clock: VirtualClock) -> None:
    """That memory ran out is of the sandbox it happened to."""
    place = await make(memory_mb=128)
    running = programs.python(place, HOG)

    def has_ended() -> bool:
        clock.advance(10)
        return running.group.exited.done()

    await until(has_ended)
    await running.ends()
    again = programs.python(place, "print('up', flush=True); import signal; signal.pause()")
    await again.says("up")
    assert not place.ran_out_of_memory()
    assert 1 < place.peak_memory_mb() < 100
    again.group.kill()
    await again.ends()


async def test_cpu_goes_with_memory_after_init(places: Places, make: Make, programs: Programs) -> None:
    """Work is held up with the CPU of 128 MB; before that is said, and without being asked for, it has all there is."""
    for cpu_share, limited in [(False, False), (True, True)]:
        place = await make(memory_mb=128, cpu_share=cpu_share)
        if "cpu" not in places.cgroups.folders:
            pytest.skip("no cpu cgroup can be made here")
        spin = "import time\nwhile time.process_time() < 0.03: pass\nprint('done')"
        held_up = []
        for _ in range(2):
            assert await programs.say(place, spin) == "done"
            held_up.append(times_held_up(place))
            place.limit_cpu()
        assert (held_up[0], held_up[1] > 0) == (0, limited)


def times_held_up(place: IsolatedPlace) -> int:
    """How often its processes had to wait for the CPU time they may have."""
    assert place._cgroup is not None
    folder = place._cgroup._folders.get("cpu")
    if folder is None:
        # without a share it has no such cgroup of its own
        return 0
    found = re.search(r"^nr_throttled (\d+)$", (folder / "cpu.stat").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


# freezing


@pytest.mark.parametrize("cgroups", [True, False], ids=["cgroups", "looking"])
async def test_freezing_stops_everybody(
    make: Make, programs: Programs, monkeypatch: pytest.MonkeyPatch, cgroups: bool
) -> None:
    """Who counts counts no more, children and those that left the group too, and goes on when thawed."""
    place = await make()
    if not cgroups:
        monkeypatch.setattr(place, "_cgroup", None)
    spawn = "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n"
    marked = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    running = programs.start(
        place, sys.executable, "-I", "-S", "-c", spawn + COUNT.replace("\n    ", "\n"), environment=marked
    )
    await until(lambda: running.printed.splitlines().count("5") == 2)
    place.freeze()
    before = running.printed
    await asyncio.sleep(0.02)
    assert running.printed == before
    place.thaw()
    await until(lambda: len(running.printed) > len(before) + 20)
    running.group.kill()
    await running.ends()


async def test_a_frozen_program_can_be_killed(place: IsolatedPlace, programs: Programs) -> None:
    """It is reaped like any other."""
    running = programs.python(place, COUNT)
    await running.says("5")
    place.freeze()
    running.group.kill()
    assert await running.ends() == -9


async def test_freezing_a_program_that_never_stops_forking(place: IsolatedPlace, programs: Programs) -> None:
    """Nobody slips through between two looks."""
    source = """
        import os, time
        while True:
            if os.fork():
                os._exit(0)
            os.write(1, b".")
        """
    running = programs.python(place, source, environment={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"})
    holder = programs.python(place, "import signal; signal.pause()")
    await running.says("..........")
    place.freeze()
    before = running.printed
    await asyncio.sleep(0.02)
    assert running.printed == before
    holder.group.kill()
    await running.ends()
    await holder.ends()
    await until(lambda: place.members() == [])


# the end


async def test_closing_leaves_nothing(places: Places, make: Make, programs: Programs) -> None:
    """No process, no folder, no cgroup, no descriptor; also of programs nobody has reaped."""
    fds_before = len(os.listdir("/proc/self/fd"))
    place = await make()
    running = programs.python(place, STRAY + "signal.pause()", environment={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"})
    await running.says("stray")
    members = place.members()
    assert len(members) >= 2
    await place.close()
    assert all(is_gone(pid) for pid in members)
    assert cgroups_of(places) == []
    assert places.folder is not None
    assert [path.name for path in places.folder.iterdir() if path.name != "etc"] == []
    # The keeper's two stay for the next place.
    assert len(os.listdir("/proc/self/fd")) <= fds_before + 2
