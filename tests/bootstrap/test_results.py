"""What people return, and what becomes of it."""

import array
import collections
import dataclasses
import datetime as dt
import enum
import json
import types
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple

import attrs
import msgspec
import pydantic
import pydantic.v1
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.errors import FunctionError
from bootstrap.payload import Marshaller

from .fake_runtime_api import FakeRuntimeAPI
from .function import Function

UTC = dt.timezone.utc
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


class Colour(enum.Enum):
    """A choice by value."""

    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    """A choice by number."""

    LOW = 1


class Name(str, enum.Enum):
    """Text with a name."""

    A = "a"


class Mode(enum.Flag):
    """Bits."""

    READ = 1
    WRITE = 2


class Text(str):
    """A class derived from text."""

    __slots__ = ()


class Amount(float):
    """A class derived from a number."""

    __slots__ = ()


class Point(NamedTuple):
    """A named tuple."""

    x: object


@dataclasses.dataclass
class Item:
    """A dataclass, with another one in a field."""

    price: object
    parts: "list[Item]" = dataclasses.field(default_factory=list)
    seen: dataclasses.InitVar[int] = 0


@dataclasses.dataclass(frozen=True)
class Slotted:
    """A dataclass without a __dict__."""

    __slots__ = ("day",)
    day: dt.date


@attrs.define
class Attrs:
    """An attrs class."""

    when: object


class Struct(msgspec.Struct, rename="camel", tag="struct", omit_defaults=True):
    """A msgspec model with all that its JSON depends on."""

    some_id: int
    when: dt.date | None = None
    amount: Decimal | None = None
    path: object = None
    by_number: dict[int, int] = {}


class Model(pydantic.BaseModel):
    """A pydantic model with a name of its own in JSON."""

    when: dt.datetime
    amount: Decimal = Decimal("1.10")
    secret: int = pydantic.Field(default=1, exclude=True)

    @pydantic.field_serializer("amount")
    def _in_cents(self, amount: Decimal) -> int:
        return int(amount * 100)


class Root(pydantic.RootModel[list[int]]):
    """A pydantic model that is a list."""


@pydantic.dataclasses.dataclass
class Checked:
    """A dataclass with pydantic's validation."""

    when: dt.date


class Old(pydantic.v1.BaseModel):
    """A model of pydantic 1."""

    when: dt.date

    class Config:
        """What it says about JSON counts."""

        json_encoders: ClassVar = {dt.date: lambda day: day.year}


class Array:
    """As NumPy's scalars and arrays do it."""

    def tolist(self) -> object:
        return [Level.LOW, 2.5]


def to_json(value: object) -> str:
    """The answer for a result."""
    return Marshaller(ascii_only=True).to_json(value).decode()


DAY = dt.date(2024, 2, 3)
MOMENT = dt.datetime(2024, 2, 3, 4, 5, 6, 7000)
RESULTS: list[tuple[object, object]] = [
    (DAY, "2024-02-03"),
    (MOMENT, "2024-02-03T04:05:06.007000"),
    (MOMENT.replace(tzinfo=UTC), "2024-02-03T04:05:06.007000+00:00"),
    (dt.time(4, 5), "04:05:00"),
    (dt.timedelta(days=1, seconds=2, microseconds=500000), "P1DT2.5S"),
    (dt.timedelta(seconds=-3), "-PT3S"),
    (dt.timedelta(days=-1, hours=-100), "-P5DT14400S"),
    (dt.timedelta(), "PT0S"),
    (ID, str(ID)),
    (Path("/tmp/x"), "/tmp/x"),
    (PurePosixPath("a"), "a"),
    (Colour.RED, "red"),
    (Colour.PAIR, [1, 2]),
    (Level.LOW, 1),
    (Name.A, "a"),
    (Mode.READ | Mode.WRITE, 3),
    (Text("a"), "a"),
    (Amount(1.5), 1.5),
    (Item(1, [Item(DAY)]), {"price": 1, "parts": [{"price": "2024-02-03", "parts": []}]}),
    (Slotted(DAY), {"day": "2024-02-03"}),
    (Attrs([Attrs(DAY)]), {"when": [{"when": "2024-02-03"}]}),
    ({1}, [1]),
    (frozenset([ID]), [str(ID)]),
    ({"a": 1}.keys(), ["a"]),
    ({"a": DAY}.values(), ["2024-02-03"]),
    ({"a": 1}.items(), [["a", 1]]),
    (collections.deque([DAY]), ["2024-02-03"]),
    (range(3), [0, 1, 2]),
    (types.MappingProxyType({"a": DAY}), {"a": "2024-02-03"}),
    (collections.OrderedDict(a=DAY), {"a": "2024-02-03"}),
    (collections.defaultdict(set, a={1}), {"a": [1]}),
    (collections.ChainMap({"a": DAY}), {"a": "2024-02-03"}),
    (collections.UserList([DAY]), ["2024-02-03"]),
    (array.array("d", [1.5]), [1.5]),
    (Array(), [1, 2.5]),
    ([b"\xc3\xa4", bytearray(b"x"), memoryview(b"y")], ["ä", "x", "y"]),
    (Struct(1), {"type": "struct", "someId": 1}),
    (
        Struct(1, DAY, Decimal("1.10"), [Path("/tmp"), Checked(DAY)], {2: 3}),
        {
            "type": "struct",
            "someId": 1,
            "when": "2024-02-03",
            "amount": "1.10",
            "path": ["/tmp", {"when": "2024-02-03"}],
            "byNumber": {"2": 3},
        },
    ),
    (Model(when=MOMENT), {"when": "2024-02-03T04:05:06.007000", "amount": 110}),
    (Root([1]), [1]),
    (Checked(DAY), {"when": "2024-02-03"}),
    (Old(when=DAY), {"when": 2024}),
    ({"rows": [Model(when=MOMENT), Item(Struct(5))]}, None),
]


@pytest.mark.parametrize(("value", "expected"), RESULTS)
def test_results_just_work(value: object, expected: object) -> None:
    """Alone and within containers."""
    text = to_json(value)
    assert expected is None or json.loads(text) == expected
    assert to_json({"a": [value, (value,)]}) == f'{{"a": [{text}, [{text}]]}}'


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ID, str(ID)),
        (Colour.RED, "red"),
        (Level.LOW, "1"),
        (Name.A, "a"),
        (Text("a"), "a"),
        (DAY, "2024-02-03"),
        (Path("/tmp"), "/tmp"),
        (Decimal("1.10"), "1.10"),
        (dt.timedelta(seconds=1), "PT1S"),
        (b"a", "a"),
        (5, "5"),
        (1.5, "1.5"),
        (None, "null"),
        (True, "true"),
    ],
)
def test_keys_are_what_they_are_as_values(key: object, text: str) -> None:
    """Text, numbers and what becomes one of these."""
    assert json.loads(to_json({key: 1})) == {text: 1}


@pytest.mark.parametrize(
    ("key", "kind"),
    [((1, 2), "tuple"), (Point(1), "Point"), (frozenset(), "frozenset"), (object(), "object"), (Colour.PAIR, "Colour")],
)
def test_keys_without_text_are_refused(key: object, kind: str) -> None:
    """In the words of `json`."""
    with pytest.raises(TypeError, match=f"keys must be str, int, float, bool or None, not {kind}$"):
        to_json({key: DAY})


def test_digits_are_kept_through_dataclasses() -> None:
    """A Decimal is written as it is, wherever it is."""
    digits = "12345678901234567890.10"
    assert to_json(Item({"a": [Decimal(digits)]})) == f'{{"price": {{"a": [{digits}]}}, "parts": []}}'


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Item(float("nan")), "$.price"),
        ([Struct(1, path=float("inf"))], "$[0].path"),
        ({"a": Attrs({"b-c": Decimal("Infinity")})}, "$.a.when['b-c']"),
        (Amount("nan"), "$"),
        (array.array("d", [1, float("nan")]), "$[1]"),
    ],
)
def test_nan_never_leaves(value: object, path: str) -> None:
    """Whatever it is wrapped in; the message leads to it."""
    with pytest.raises(ValueError) as caught:
        to_json(value)
    assert str(caught.value) == f"Out of range float values are not JSON compliant - at {path}"


def circles() -> list[object]:
    """Values that hold themselves."""
    item, attrs_item, user_list = Item(0), Attrs(0), collections.UserList[object]()
    dictionary: dict[str, object] = {}
    item.price = [item]
    attrs_item.when = attrs_item
    dictionary["a"] = types.MappingProxyType(dictionary)
    user_list.append(user_list)
    return [item, attrs_item, dictionary, user_list]


@pytest.mark.parametrize("number", range(4))
def test_circles_are_found(number: int) -> None:
    """Through every kind of container."""
    with pytest.raises(ValueError, match="Circular reference detected"):
        to_json(circles()[number])


def _numbers() -> Any:  # noqa: ANN401 - a generator, which is no answer of a plain function
    yield 1


async def _number() -> int:
    return 1


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (object, "object"),
        (_numbers, "generator"),
        (lambda: iter([]), "list_iterator"),
        (lambda: Item, "type"),
        (lambda: Struct, "StructMeta"),
        (lambda: len, "builtin_function_or_method"),
        (lambda: ..., "ellipsis"),
        (lambda: 1j, "complex"),
        (lambda: json, "module"),
    ],
)
def test_what_has_no_json_is_refused(make: Callable[[], object], kind: str) -> None:
    """By the name of its type."""
    for value in (make(), [make()], Item(make())):
        with pytest.raises(TypeError, match=f"Object of type {kind} is not JSON serializable"):
            to_json(value)


def test_a_coroutine_within_a_result_is_refused() -> None:
    """Somebody forgot to await it."""
    coroutine = _number()
    with pytest.raises(FunctionError, match="Object of type coroutine is not JSON serializable"):
        Marshaller(ascii_only=True).marshal_response([coroutine])
    coroutine.close()


def test_an_error_of_a_model_is_a_marshal_error() -> None:
    """With its own message."""

    class Broken:
        def isoformat(self) -> str:
            raise RuntimeError("no time")

    with pytest.raises(FunctionError, match="Unable to marshal response: no time"):
        Marshaller(ascii_only=True).marshal_response({"a": Broken()})


@given(st.timedeltas())
def test_durations_are_read_back_by_msgspec_and_pydantic(duration: dt.timedelta) -> None:
    """ISO 8601, as both write it."""
    text = to_json(duration)
    assert msgspec.json.decode(text, type=dt.timedelta) == duration
    # pydantic holds no more than 999999999 days, but counts the fraction of a negative day among them.
    if duration.days > -999_999_999:
        assert pydantic.TypeAdapter(dt.timedelta).validate_json(text) == duration


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.dates() | st.uuids(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.uuids(), inner),
        max_leaves=20,
    )
)
def test_rich_results_equal_json_with_a_default(value: object) -> None:
    """What `json` would write with every richer value turned into text beforehand."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {plain(key): plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, (dt.date, uuid.UUID)) else value

    assert to_json(value) == json.dumps(plain(value))


def test_rich_results_on_every_python(any_python: Function, api: FakeRuntimeAPI) -> None:
    """With what the standard library has."""
    any_python.write("""
        import dataclasses, datetime, enum, pathlib, uuid, decimal, types, collections
        Colour = enum.Enum("Colour", "RED")

        @dataclasses.dataclass
        class Item:
            day: datetime.date
            path: pathlib.Path
            id: uuid.UUID
            rest: object

        def handler(event, context):
            if event == "nan":
                return Item(float("nan"), 1, 2, 3)
            day = datetime.date(2024, 2, 3)
            rest = [{1}, decimal.Decimal("1.10"), types.MappingProxyType({Colour.RED: b"x"}), collections.deque([range(2)])]
            return {day: Item(day, pathlib.Path("/tmp"), uuid.UUID(int=1), rest)}
        """)
    api.event()
    api.event(b'"nan"')
    good, bad = any_python.run().posts
    item = '{"day": "2024-02-03", "path": "/tmp", "id": "00000000-0000-0000-0000-000000000001"'
    assert good.body.decode() == f'{{"2024-02-03": {item}, "rest": [[1], 1.10, {{"1": "x"}}, [[0, 1]]]}}}}'
    message = "Unable to marshal response: Out of range float values are not JSON compliant - at $.day"
    assert (bad.json()["errorType"], bad.json()["errorMessage"]) == ("Runtime.MarshalError", message)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_generator_that_cannot_be_seen_is_hinted_at(function: Function, api: FakeRuntimeAPI, kind: str) -> None:
    """The message is that of AWS's runtime, a note says what may be meant."""
    function.write(f"""
        {kind} pieces(event, context):
            yield "piece"

        def handler(*args):
            return pieces(*args)
        """)
    api.event()
    error = function.run().post.json()
    kind_of_generator = "generator" if kind == "def" else "async_generator"
    message = f"Unable to marshal response: Object of type {kind_of_generator} is not JSON serializable"
    assert (error["errorType"], error["errorMessage"]) == ("Runtime.MarshalError", message)
    assert "@bootstrap.stream" in error["notes"][0]
