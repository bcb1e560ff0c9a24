from __future__ import annotations

from pathlib import Path

from runtime_api.config.settings import Settings
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.url_config import UrlConfig


def test_every_member_is_one_of_a_function() -> None:
    """By the same name, so that nothing is said to nobody."""
    assert set(Settings.__struct_fields__) <= set(Function.__struct_fields__)


def test_what_nobody_says_is_left_to_the_function(tmp_path: Path) -> None:
    """Its defaults stand in one place."""
    made = Settings().function(tmp_path / "f", "app.handler", "python")
    expected = Function(name="f", task_root=str(tmp_path / "f"), handler="app.handler", url=UrlConfig())
    assert made == expected


def test_the_upper_one_wins() -> None:
    """Member by member, and variable by variable."""
    upper = Settings(timeout_ms=1, environment={"A1": "upper", "B1": "upper"})
    below = Settings(timeout_ms=2, memory_mb=256, environment={"A1": "below", "C1": "below"})
    assert upper.over(below) == Settings(
        timeout_ms=1, memory_mb=256, environment={"A1": "upper", "B1": "upper", "C1": "below"}
    )


def test_what_is_said_to_be_off_is_off() -> None:
    """False is said, too."""
    assert Settings(freeze=False).over(Settings(freeze=True)) == Settings(freeze=False)


def test_a_command_and_a_handler_displace_each_other() -> None:
    """Whichever is on top is what runs."""
    command, handler = Settings(command=("./run",)), Settings(runtime="python", handler="app.handler")
    assert command.over(handler).runtime is None
    assert handler.over(command).command is None


def test_who_has_a_url(tmp_path: Path) -> None:
    """A function that can have one, unless something else is said; a published version cannot."""
    assert Settings(tenant_isolation=True).function(tmp_path, "app.handler", "python").url is None
    assert Settings(url=False).function(tmp_path, "app.handler", "python").url is None
    assert Settings().function(tmp_path, "app.handler", "python", "1").url is None
    own = UrlConfig(invoke_mode="RESPONSE_STREAM")
    assert Settings(url=own).function(tmp_path, "app.handler", "python").url == own
