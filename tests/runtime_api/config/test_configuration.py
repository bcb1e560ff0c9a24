from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.config.configuration import Configuration, configuration_at
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function, InvalidFunction
from runtime_api.protocol.function.url_config import UrlConfig
from tests.runtime_api.config.files import read, refusal, write

TOML = '[functions.{name}]\nhandler = "app.handler"\n'
TEMPLATE = (
    "Resources: {{{name}: {{Type: 'AWS::Serverless::Function', Properties: {{Handler: app.handler, CodeUri: .}}}}}}\n"
)


def test_a_file_wins_over_what_the_folder_looks_like(tmp_path: Path) -> None:
    """First pilotlight.toml, then a SAM template, then the handler that is found."""
    write(tmp_path / "app.py")
    assert read(tmp_path).names == [tmp_path.name.replace("[", "-").replace("]", "-")]
    write(tmp_path / "template.yaml", TEMPLATE.format(name="Sam"))
    assert read(tmp_path).names == ["Sam"]
    write(tmp_path / "pilotlight.toml", TOML.format(name="toml"))
    assert read(tmp_path).names == ["toml"]


@pytest.mark.parametrize("name", ["template.yaml", "template.yml", "template.json"])
def test_a_template_has_one_of_three_names(tmp_path: Path, name: str) -> None:
    """In a folder; by itself a file may have any."""
    write(tmp_path / name, TEMPLATE.format(name="Sam").replace("'", '"'))
    assert read(tmp_path).names == ["Sam"]
    assert read((tmp_path / name).rename(tmp_path / f"stack{Path(name).suffix}")).names == ["Sam"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    """By what it could have been."""
    assert "name a folder, a pilotlight.toml or a SAM template" in refusal(write(tmp_path / "app.py"))


def test_a_folder_of_folders_takes_their_files(tmp_path: Path) -> None:
    """Beside folders that are functions; what a file says of the server is for when it is served by itself."""
    write(tmp_path / "plain" / "app.py")
    write(tmp_path / "sam" / "template.yaml", TEMPLATE.format(name="Sam"))
    text = "[server]\nport = 1\n" + TOML.format(name="toml") + "versions.1 = {}\naliases.live = { version = 1 }\n"
    write(tmp_path / "versions" / "pilotlight.toml", text)
    found = read(tmp_path)
    assert found.names == ["plain", "Sam", "toml"]
    assert ([alias.name for alias in found.aliases], found.server) == (["live"], {})
    assert read(tmp_path / "versions").server == {"port": 1}


def test_two_files_cannot_declare_one_name(tmp_path: Path) -> None:
    """Nobody could say which one is meant."""
    for folder in ("a", "b"):
        write(tmp_path / folder / "pilotlight.toml", TOML.format(name="same"))
    assert refusal(tmp_path) == "two functions are called 'same': rename one"


def test_a_name_chooses_one_of_several(tmp_path: Path) -> None:
    """With its aliases; one that is not there is refused by what is."""
    text = TOML.format(name="one") + TOML.format(name="two") + "versions.1 = {}\naliases.live = { version = 1 }\n"
    file = write(tmp_path / "pilotlight.toml", text)
    two = read(file, Settings(name="two"))
    assert (two.names, [function.version for function in two.functions]) == (["two"], ["$LATEST", "1"])
    assert [alias.name for alias in two.aliases] == ["live"]
    assert read(file, Settings(name="one")).aliases == ()
    assert refusal(file, Settings(name="three")) == "--name three: pilotlight.toml declares only one, two"


def test_a_name_chooses_among_folders(tmp_path: Path) -> None:
    """Where there are several; the only one there is is called by it."""
    write(tmp_path / "one" / "app.py")
    assert read(tmp_path, Settings(name="any")).names == ["any"]
    write(tmp_path / "two" / "app.py")
    assert read(tmp_path, Settings(name="two")).names == ["two"]
    with pytest.raises(InvalidFunction, match="holds 2 functions"):
        configuration_at(tmp_path, Settings(name="any"))


def test_a_handler_is_for_one_function(tmp_path: Path) -> None:
    """With several declared it is asked which."""
    file = write(tmp_path / "pilotlight.toml", TOML.format(name="one") + TOML.format(name="two"))
    refused = refusal(file, Settings(handler="other.handler"))
    assert refused == "--handler: pilotlight.toml declares 2 functions, choose one of them with --name"
    assert read(file, Settings(handler="other.handler", name="one")).functions[0].handler == "other.handler"


def test_parameters_are_for_templates(tmp_path: Path) -> None:
    """Anywhere else they would say nothing."""
    write(tmp_path / "app.py")
    assert "--parameter is for SAM templates" in refusal(tmp_path, Stage="dev")
    assert "--parameter is for SAM templates" in refusal(
        write(tmp_path / "pilotlight.toml", TOML.format(name="one")), Stage="dev"
    )


def test_flags_change_every_url() -> None:
    """Those of functions and of aliases, and only what the flag says; who has none gets none."""
    signed = UrlConfig(auth_type="AWS_IAM", format="alb")
    one, two = (
        Function(name=name, task_root="/", handler="app.handler", url=url) for name, url in (("a", signed), ("b", None))
    )
    alias = Alias(function_name="a", name="live", version="$LATEST", url=UrlConfig())
    changed = Configuration(functions=(one, two), aliases=(alias,)).with_urls(format="rest-api")
    assert [function.url for function in changed.functions] == [UrlConfig(auth_type="AWS_IAM", format="rest-api"), None]
    assert [alias.url for alias in changed.aliases] == [UrlConfig(format="rest-api")]


def test_destinations_are_functions_that_are_there(tmp_path: Path) -> None:
    """Else file, line and key are named; one may stand in the file of another folder."""
    write(
        tmp_path / "a/pilotlight.toml", '[functions.one]\nhandler = "a.b"\nevent_invoke = { on_success = "two:live" }\n'
    )
    one = read(tmp_path / "a")
    with pytest.raises(
        InvalidFunction, match=r"line 3, functions\.one\.event_invoke\.on_success: no function two is served here"
    ):
        one.check_destinations()
    write(tmp_path / "b/pilotlight.toml", '[functions.two]\nhandler = "a.b"\nevent_invoke = { on_failure = "./x" }\n')
    read(tmp_path).check_destinations()


def test_no_function_is_its_own_destination(tmp_path: Path) -> None:
    """In a template as in a pilotlight.toml."""
    events = "{DestinationConfig: {OnFailure: {Type: Lambda, Destination: !GetAtt F.Arn}}}"
    text = (
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.b\n"
        f"      EventInvokeConfig: {events}\n"
    )
    write(tmp_path / "template.yaml", text)
    where = r"line 6, Resources\.F\.Properties\.EventInvokeConfig\.DestinationConfig\.OnFailure\.Destination: You can't specify"
    with pytest.raises(InvalidFunction, match=where):
        read(tmp_path).check_destinations()
