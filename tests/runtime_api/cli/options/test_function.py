from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from runtime_api.cli.options.function import Number, function_options, settings_from
from runtime_api.config.settings import Settings


def settings(*flags: str) -> Settings:
    """What flags become; raises AssertionError with the message that is printed when they are refused."""
    made: list[Settings] = []

    @click.command()
    @function_options
    def command(**values: object) -> None:
        made.append(settings_from(values))

    result = CliRunner().invoke(command, list(flags))
    assert result.exit_code == 0, result.output
    return made[0]


def test_flags_nobody_gave_say_nothing() -> None:
    """Neither do those that have a default: a file of configuration may say otherwise."""
    assert settings() == Settings()


def test_a_default_that_is_given_is_said() -> None:
    """So that it wins over a file."""
    assert settings("--timeout", "3", "--memory", "128").said() == {"timeout_ms": 3000, "memory_mb": 128}


def test_everything_about_isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers in their order, by their absolute paths."""
    (tmp_path / "b.zip").write_text("")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    made = settings(
        "--isolation", "bubblewrap", "--layer", "b.zip", "--layer", "a", "--tmp-size", "1024", "--freeze", "--cpu-share"
    )  # fmt: skip
    assert (made.isolation, made.layers) == ("bubblewrap", (str(tmp_path / "b.zip"), str(tmp_path / "a")))
    assert (made.tmp_mb, made.freeze, made.cpu_share) == (1024, True, True)
    function = made.function(tmp_path, "app.handler", "python")
    assert (function.isolation, function.layers, function.tmp_mb) == (made.isolation, made.layers, 1024)
    assert (function.freeze, function.cpu_share) == (True, True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--isolation", "docker"), "'docker' is not one of 'process', 'bubblewrap'"),
        (("--layer", "/no/such/layer"), "Path '/no/such/layer' does not exist"),
        (("--tmp-size", "511"), "511 is not in the range 512<=x<=10240"),
    ],
)
def test_what_is_refused(flags: tuple[str, ...], message: str) -> None:
    """Wrong usage, said before anything starts."""
    with pytest.raises(AssertionError, match=message.replace("(", r"\(")):
        settings(*flags)


@pytest.mark.parametrize(
    ("number", "message"), [("x", "'x' is not a number."), ("0", "0 is too small: it must be above 0.")]
)
def test_a_number_that_is_wrong_is_said_in_words(number: str, message: str) -> None:
    """Not in click's notation of ranges."""
    with pytest.raises(click.BadParameter) as refused:
        Number(min=0, min_open=True).convert(number, None, None)
    assert refused.value.message == message


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "three"])
def test_what_is_no_number_of_seconds(number: str) -> None:
    """Is refused where it is read."""
    with pytest.raises(click.BadParameter):
        Number(min=0).convert(number, None, None)
