"""Events as what the handler's first parameter is annotated with."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import functools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, make_dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
)

import msgspec
import pydantic
import pydantic.v1
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.adapter import adapt
from bootstrap.client import Invocation, LambdaRuntimeClient
from bootstrap.context import LambdaContext
from bootstrap.errors import FunctionError
from bootstrap.events.typed import maybe_decoder
from bootstrap.payload import Marshaller

from .fake_runtime_api import FakeRuntimeAPI
from .function import Function

if TYPE_CHECKING:
    from nowhere import Nothing  # type: ignore[import-not-found]

T = TypeVar("T")
CustomerId = NewType("CustomerId", int)


class Colour(enum.Enum):
    """A choice by value."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """A choice by number."""

    LOW = 1


@dataclass
class Item:
    """Part of an order."""

    price: float
    name: str = "thing"
    tags: list[str] = field(default_factory=list)


@dataclass
class Order:
    """An event."""

    id: int
    items: list[Item]
    note: str | None = None


@dataclass(frozen=True)
class Node:
    """Holds itself."""

    value: int
    children: tuple[Node, ...] = ()


@dataclass
class Page(Generic[T]):
    """A generic dataclass."""

    rows: list[T]
    next: T | None = None


@dataclass
class Cat:
    """One of a tagged union."""

    kind: Literal["cat"]
    lives: int


@dataclass
class Dog:
    """The other one."""

    kind: Literal["dog"]
    name: str


@dataclass
class Odd:
    """All the ways a field can be special."""

    known: ClassVar[dict[str, int]] = {}
    seed: InitVar[int]
    plain: Annotated[int, "with a note"]
    made: int = field(init=False, default=0)
    named: int = field(kw_only=True, default=5)

    def __post_init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError("seed must not be negative")
        self.made = seed * 2


class Base(TypedDict):
    """What every record has."""

    id: int


class Record(Base, total=False):
    """An event as a typed dict, with annotations that are text."""

    name: str
    price: typing_extensions.Required[float]
    item: Item


class Loose(TypedDict):
    """A key that may be missing."""

    id: int
    name: typing_extensions.NotRequired[str]


class Shape(Protocol):
    """Something structural."""

    side: int


class Wrapper(dict[str, object]):
    """A lazy view, as powertools has them."""


class Point(msgspec.Struct, rename="camel"):
    """A msgspec model."""

    x_value: int
    when: dt.datetime | None = None
    amount: Decimal | None = None
    path: Path | None = None


class Customer(pydantic.BaseModel):
    """A pydantic model."""

    id: int
    tags: list[str] = []


class Strict(pydantic.BaseModel):
    """Takes no text for a date in Python, and does in JSON."""

    model_config = pydantic.ConfigDict(strict=True)

    day: dt.date
    choices: tuple[int, ...]
    amount: Decimal


@pydantic.dataclasses.dataclass
class Checked:
    """A dataclass with pydantic's validation."""

    id: int


class Old(pydantic.v1.BaseModel):
    """A model of pydantic 1."""

    id: int
    when: Optional[dt.datetime] = None  # noqa: UP045 - it knows no other form on every Python


@dataclass
class Mixed:
    """A dataclass that holds models of the libraries."""

    point: Point
    customers: list[Customer]
    amount: Decimal


@pytest.fixture(autouse=True)
def _no_text_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a typed handler changes for its process belongs to the test."""
    monkeypatch.setattr(Invocation, "keeps_body", False)


def context_of(body: bytes) -> LambdaContext:
    """As much of an invocation as decoding needs."""
    context: LambdaContext = SimpleNamespace(_invocation=SimpleNamespace(body=body))  # type: ignore[assignment]
    return context


def decode(annotation: object, text: str) -> Any:  # noqa: ANN401 - as annotated
    """The event that a handler with this annotation gets for this JSON."""
    read = maybe_decoder(annotation, globals())
    assert read is not None
    return read(Marshaller(ascii_only=True).unmarshal_request(text.encode()), context_of(text.encode()))


def in_field(annotation: object, text: str) -> Any:  # noqa: ANN401 - as annotated
    """The value of a dataclass field of this type."""
    return decode(make_dataclass("Box", [("value", annotation)]), f'{{"value": {text}}}').value


def problem(annotation: object, text: str) -> str:
    """What is wrong with an event."""
    with pytest.raises(FunctionError) as caught:
        decode(annotation, text)
    assert caught.value.error_type == "Runtime.UnmarshalError"
    prefix = "Unable to unmarshal input: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


UTC = dt.timezone.utc
VALUES = [
    (int, "1", 1),
    (float, "1", 1.0),
    (float, "1.5", 1.5),
    (bool, "true", True),
    (str, '"a"', "a"),
    (None, "null", None),
    (Any, '{"a": [1.5]}', {"a": [1.5]}),
    (typing_extensions.Any, "[1]", [1]),
    (object, "null", None),
    (T, "[1]", [1]),
    (Shape, '{"side": 1}', {"side": 1}),
    (CustomerId, "5", 5),
    (Annotated[int, "positive"], "5", 5),
    (dict, '{"a": 1.5}', {"a": 1.5}),
    (list, "[1]", [1]),
    (tuple, "[1]", (1,)),
    (list[int], "[1, 2]", [1, 2]),
    (Sequence[int], "[1]", [1]),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (tuple[int, ...], "[1, 2, 3]", (1, 2, 3)),
    (set[int], "[1, 1]", {1}),
    (collections.abc.Set[str], '["a"]', {"a"}),
    (frozenset[str], '["a"]', frozenset("a")),
    (collections.deque[int], "[1]", collections.deque([1])),
    (dict[str, Item], '{"a": {"price": 1}}', {"a": Item(1.0)}),
    (dict[int, str], '{"5": "a"}', {5: "a"}),
    (dict[Level, int], '{"1": 2}', {Level.LOW: 2}),
    (
        dict[uuid.UUID, int],
        '{"12345678-1234-5678-1234-567812345678": 2}',
        {uuid.UUID("12345678-1234-5678-1234-567812345678"): 2},
    ),
    (Mapping[str, float], '{"a": 1}', {"a": 1.0}),
    (collections.OrderedDict[str, int], '{"a": 1}', collections.OrderedDict(a=1)),
    (Optional[int], "null", None),  # noqa: UP045 - the older form is common
    (Union[int, str], '"a"', "a"),  # noqa: UP007
    (int | str | None, "null", None),
    (float | int, "1", 1),
    (float | int, "1.0", 1.0),
    (dt.date | str, '"2024-02-03"', dt.date(2024, 2, 3)),
    (dt.date | str, '"soon"', "soon"),
    (Cat | Dog, '{"kind": "dog", "name": "Rex"}', Dog("dog", "Rex")),
    (Literal["a", 1, None], "1", 1),
    (Literal[Colour.RED], '"red"', Colour.RED),
    (Colour, '"blue"', Colour.BLUE),
    (Level, "1", Level.LOW),
    (dt.datetime, '"2024-02-03T04:05:06Z"', dt.datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
    (dt.datetime, '"2024-02-03T04:05:06.7+00:00"', dt.datetime(2024, 2, 3, 4, 5, 6, 700000, tzinfo=UTC)),
    (dt.datetime, '"2024-02-03T04:05:06.123456789Z"', dt.datetime(2024, 2, 3, 4, 5, 6, 123456, tzinfo=UTC)),
    (dt.date, '"2024-02-03"', dt.date(2024, 2, 3)),
    (dt.time, '"04:05"', dt.time(4, 5)),
    (uuid.UUID, '"12345678-1234-5678-1234-567812345678"', uuid.UUID("12345678-1234-5678-1234-567812345678")),
    (Path, '"/tmp/x"', Path("/tmp/x")),
    (Decimal, '"1.10"', Decimal("1.10")),
    (Decimal, "5", Decimal(5)),
    (Node, '{"value": 1, "children": [{"value": 2}]}', Node(1, (Node(2),))),
    (Page[Item], '{"rows": [{"price": 1}], "next": {"price": 2}}', Page([Item(1.0)], Item(2.0))),
    (Page[int], '{"rows": [1]}', Page([1])),
    (Page, '{"rows": [1, "a"]}', Page([1, "a"])),
]


@pytest.mark.parametrize(("annotation", "text", "value"), VALUES)
def test_values_become_what_the_annotation_says(annotation: object, text: str, value: object) -> None:
    """By type and value."""
    made = in_field(annotation, text)
    assert (type(made), repr(made)) == (type(value), repr(value))


MISMATCHES = [
    (int, "true", "expected int, got bool"),
    (int, "1.0", "expected int, got float"),
    (int, '"1"', "expected int, got str"),
    (float, "true", "expected float, got bool"),
    (float, "1" + "0" * 400, "int too large to convert to float"),
    (str, "null", "expected str, got None"),
    (bool, "1", "expected bool, got int"),
    (list[int], "{}", "expected list, got dict"),
    (tuple[int, str], "[1]", "expected 2 items, got 1"),
    (int | str, "[]", "expected int or str, got list"),
    (Optional[Item], "5", "expected Item or None, got int"),  # noqa: UP045
    (Literal["a", "b"], '"c"', "expected 'a' or 'b', got 'c'"),
    (Literal[1], "true", "expected 1, got True"),
    (Literal[1], "[1]", "expected 1, got list"),
    (Colour, '"green"', "expected 'red' or 'blue', got 'green'"),
    (Colour, "{}", "expected 'red' or 'blue', got dict"),
    (Level, "true", "expected 1, got True"),
    (dt.datetime, '"yesterday"', "expected datetime, got 'yesterday'"),
    (dt.datetime, "5", "expected datetime, got int"),
    (uuid.UUID, json.dumps("x" * 99), f"expected UUID, got '{'x' * 39}…"),
    (Decimal, '"1,5"', "expected Decimal, got '1,5'"),
    (Decimal, '"NaN"', "expected Decimal, got 'NaN'"),
    (Decimal, "true", "expected Decimal, got bool"),
    (set[Any], "[[]]", "unhashable type: 'list'"),
    (bytes, '"a"', "expected bytes, got str"),
    (Wrapper, "5", "expected dict, got int"),
    (Function, "{}", "expected Function, got dict"),
]


@pytest.mark.parametrize(("annotation", "text", "message"), MISMATCHES)
def test_what_does_not_fit_is_named(annotation: object, text: str, message: str) -> None:
    """What was expected, what came, and where."""
    box = make_dataclass("Box", [("value", annotation)])
    assert problem(box, f'{{"value": {text}}}') == f"{message} - at $.value"


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (Order, '{"id": 1, "items": [{"price": 1}, {"price": "x"}]}', "expected float, got str - at $.items[1].price"),
        (Order, '{"id": 1}', "required, but missing - at $.items"),
        (Order, "[]", "expected Order, got list - at $"),
        (list[Order], '[{"id": 1}]', "required, but missing - at $[0].items"),
        (dict[str, Item], '{"a-b": {}}', "required, but missing - at $['a-b'].price"),
        (Page[Item], '{"rows": [], "next": {"price": []}}', "expected float, got list - at $.next.price"),
        (Cat | Dog, '{"kind": "dog", "name": 5}', "expected str, got int - at $.name"),
        (Cat | Dog, '{"kind": "dog"}', "required, but missing - at $.name"),
        (Node, '{"value": 1, "children": [{"value": "x"}]}', "expected int, got str - at $.children[0].value"),
        (Odd, '{"seed": -1, "plain": 1}', "seed must not be negative - at $"),
        (list[Odd], '[{"seed": -1, "plain": 1}]', "seed must not be negative - at $[0]"),
        (Record, '{"id": 1}', "required, but missing - at $.price"),
        (Record, '{"id": 1, "price": 1, "item": {"price": null}}', "expected float, got None - at $.item.price"),
        (Loose, "{}", "required, but missing - at $.id"),
        (Loose, "[]", "expected Loose, got list - at $"),
    ],
)
def test_the_path_leads_to_the_field(annotation: object, text: str, message: str) -> None:
    """Through lists, objects and unions."""
    assert problem(annotation, text) == message


def test_fields_of_a_dataclass() -> None:
    """Keyword-only ones, InitVar and defaults are filled; ClassVar and init=False are not; unknown keys are left out."""
    made = decode(Odd, '{"seed": 4, "plain": 1, "made": 100, "known": {}, "other": 1}')
    assert (made.plain, made.made, made.named, Odd.known) == (1, 8, 5, {})


def test_a_typed_dict_is_the_dict_with_its_values_decoded() -> None:
    """Keys it does not name stay, for it is only a view of a dict; the order is the event's."""
    made = decode(Record, '{"more": 1.5, "price": 1, "id": 1, "item": {"price": 2}}')
    assert list(made.items()) == [("more", 1.5), ("price", 1.0), ("id", 1), ("item", Item(2.0))]
    assert type(made["price"]) is float


def test_a_typed_dict_made_by_a_call() -> None:
    """Its keys need not be names."""
    kind = TypedDict("kind", {"detail-type": str, "id": int}, total=False)
    assert decode(kind, '{"detail-type": "x"}') == {"detail-type": "x"}
    assert problem(kind, '{"detail-type": 1}') == "expected str, got int - at $['detail-type']"


@pytest.mark.parametrize("digits", ["19.90", "12345678901234567890.123456789", "1E+2", "-0.0"])
def test_decimals_keep_all_their_digits(digits: str) -> None:
    """A number is not turned into a float on its way; what is no Decimal is what json makes of it."""
    kind = make_dataclass("Priced", [("price", Decimal), ("rest", Any), ("rate", float)])
    made = decode(kind, f'{{"price": {digits}, "rest": {{"a": [1.5, 2]}}, "rate": 0.1}}')
    assert (str(made.price), made.rest, made.rate) == (digits, {"a": [1.5, 2]}, 0.1)
    assert type(made.rest["a"][0]) is type(made.rate) is float


def test_a_number_with_an_absurd_exponent_is_refused() -> None:
    """Neither is it computed, nor does it end the process."""
    kind = make_dataclass("Priced", [("price", Decimal)])
    message = problem(kind, '{"price": 1e99999999999999999999}')
    assert message == "an exponent is too large for a Decimal - at $"
    assert decode(kind, '{"price": 1e999999}').price == Decimal("1e999999")


@given(
    st.builds(
        Order,
        st.integers(),
        st.lists(st.builds(Item, st.floats(allow_nan=False, allow_infinity=False), st.text(), st.lists(st.text()))),
        st.none() | st.text(),
    )
)
def test_what_is_written_is_read_back(order: Order) -> None:
    """A dataclass survives being a result and then an event."""
    text = Marshaller(ascii_only=True).to_json(order).decode()
    surrogates_paired = json.loads(text)
    assert decode(Order, text) == decode(Order, json.dumps(surrogates_paired))
    assert Marshaller(ascii_only=True).to_json(decode(Order, text)) == text.encode()


@given(
    st.builds(
        SimpleNamespace,
        moment=st.datetimes(timezones=st.none() | st.just(UTC)),
        day=st.dates(),
        time=st.times(),
        id=st.uuids(),
        colour=st.sampled_from(Colour),
        amount=st.decimals(allow_nan=False, allow_infinity=False),
        numbers=st.dictionaries(st.integers(), st.frozensets(st.integers())),
    )
)
def test_richer_types_are_read_back(values: SimpleNamespace) -> None:
    """What a result writes as text, a typed event reads from it."""
    types = {
        "moment": dt.datetime,
        "day": dt.date,
        "time": dt.time,
        "id": uuid.UUID,
        "colour": Colour,
        "amount": Decimal,
        "numbers": dict[int, frozenset[int]],
    }
    made = decode(make_dataclass("Rich", types.items()), Marshaller(ascii_only=True).to_json(vars(values)).decode())
    assert {name: (type(value), str(value)) for name, value in vars(made).items() if name != "numbers"} == {
        name: (type(value), str(value)) for name, value in vars(values).items() if name != "numbers"
    }
    assert made.numbers == values.numbers


@pytest.mark.parametrize(
    "annotation",
    [
        dict,
        dict[str, Any],
        Mapping[str, object],
        list[dict[str, int]],
        Any,
        T,
        Shape,
        Wrapper,
        Colour,
        dt.datetime,
        Literal["a"],
        Callable[..., int],
        "Nothing",
        "list[Nothing]",
        "no annotation at all",
        "1 +",
        5,
        None,
    ],
)
def test_what_is_no_model_goes_through(annotation: object) -> None:
    """So does an annotation that only type checkers can read."""
    assert maybe_decoder(annotation, globals()) is None


def test_a_model_that_cannot_be_examined_ends_init() -> None:
    """A handler that wants it could not do anything with a dict."""
    with pytest.raises(TypeError, match="events cannot be decoded as Broken: name 'Nothing' is not defined"):
        decode(make_dataclass("Broken", [("value", "Nothing")]), "{}")


class Methods:
    """Handlers of all kinds."""

    def method(self, event: Item, context: object) -> object:
        return event

    @classmethod
    def of_class(cls, event: Item, context: object) -> object:
        return event

    @staticmethod
    def static(event: Item, context: object) -> object:
        return event

    def __call__(self, event: Item, context: object) -> object:
        return event


def positional(event: Item, /, context: object) -> object:
    """A handler whose event has no keyword."""
    return event


def quoted(event: "Item", context: object) -> object:  # noqa: UP037 - quoted and postponed: text within text
    """A handler whose annotation is quoted twice."""
    return event


def quoted_within(event: list["Item"], context: object) -> object:  # noqa: UP037
    """A handler with text within an alias."""
    return event[0]


def unknown_context(event: Item, context: Nothing) -> object:
    """The other parameters do not matter."""
    return event


def behind(table: str, event: Item, context: object) -> object:
    """A handler once its first parameter is given."""
    return event


async def awaited(event: Item, context: object) -> object:
    """An asynchronous handler."""
    return event


TYPED_HANDLERS = [
    Methods().method,
    Methods.of_class,
    Methods.static,
    Methods().static,
    Methods(),
    positional,
    quoted,
    unknown_context,
    awaited,
    functools.partial(positional),
    functools.partial(behind, "table"),
    functools.partial(functools.partial(behind), "table"),
    functools.partial(Methods().method),
    functools.partial(Methods()),
]


@pytest.mark.parametrize("handler", TYPED_HANDLERS)
def test_every_kind_of_callable_is_typed(handler: Callable[[object, LambdaContext], object]) -> None:
    """Whatever the handler is, the annotation of the parameter that takes the event counts."""
    assert adapt(handler)({"price": 1}, context_of(b"")) == Item(1.0)


def test_quotes_within_an_alias_are_resolved() -> None:
    """As `typing` does."""
    handler: Any = quoted_within
    assert adapt(handler)([{"price": 1}], context_of(b"")) == Item(1.0)


def test_a_generator_is_typed() -> None:
    """The stream begins with a decoded event."""
    seen: list[object] = []

    def handler(event: Item, context: object) -> Iterator[str]:
        seen.append(event)
        yield ""

    with pytest.raises(FunctionError):  # before anything is streamed
        adapt(handler)({"price": "x"}, context_of(b""))  # type: ignore[arg-type]
    assert seen == []


def test_a_decorator_is_in_charge_itself() -> None:
    """One that carries the annotations of what it wraps gets the event as it came."""

    def decorate(function: Callable[[Item, object], object]) -> Callable[[Any, LambdaContext], object]:
        @functools.wraps(function)
        def wrapper(event: Any, context: LambdaContext) -> object:  # noqa: ANN401 - what came
            return function(Item(**event), context)

        return wrapper

    assert adapt(decorate(positional))({"price": "as it is"}, context_of(b"")) == Item("as it is")  # type: ignore[arg-type]


@pytest.mark.parametrize("handler", [lambda event, context: event, print, Item, functools.partial(print), object()])
def test_what_has_no_annotation_is_not_decoded(handler: Any) -> None:  # noqa: ANN401 - anything can be named as handler
    """Built-in functions, classes and what cannot be called at all included."""
    adapt(handler)
    assert Invocation.keeps_body is False


def test_msgspec_models_are_decoded_by_msgspec() -> None:
    """From the text: renamed fields, dates and exact numbers; other types by our own converters."""
    text = '{"xValue": 1, "when": "2024-02-03T00:00:00Z", "amount": 12345678901234567.10, "path": "/tmp"}'
    expected = Point(1, dt.datetime(2024, 2, 3, tzinfo=UTC), Decimal("12345678901234567.10"), Path("/tmp"))
    assert decode(Point, text) == expected
    assert decode(list[Point], f"[{text}]") == [expected]
    assert decode(Point, "\ufeff " + text) == expected


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (Point, '{"xValue": "1"}', "Expected `int`, got `str` - at $.xValue"),
        (Point, "[]", "Expected `object`, got `array` - at $"),
        (list[Point], '[{"xValue": 1}, {}]', "Object missing required field `xValue` - at $[1]"),
        (list[Point], '[{"xValue": 1, "path": 5}]', "expected Path, got int - at $[0].path"),
        (
            Customer,
            '{"id": "x", "tags": [5]}',
            "Input should be a valid integer, unable to parse string as an integer - at $.id; "
            "Input should be a valid string - at $.tags[0]",
        ),
        (dict[str, Customer], '{"a b": {}}', "Field required - at $['a b'].id"),
        (Checked, '{"id": []}', "Input should be a valid integer - at $.id"),
        (Old, '{"id": "x"}', "value is not a valid integer - at $.id"),
        (list[Old], '[{"id": 1}, {}]', "field required - at $[1].id"),
        (
            Mixed,
            '{"point": {"xValue": "x"}, "customers": [], "amount": 1}',
            "Expected `int`, got `str` - at $.point.xValue",
        ),
        (Mixed, '{"point": {"xValue": 1}, "customers": [{}], "amount": 1}', "Field required - at $.customers[0].id"),
    ],
)
def test_libraries_say_what_is_wrong(annotation: object, text: str, message: str) -> None:
    """In their own words, with the path written as ours."""
    assert problem(annotation, text) == message


def test_pydantic_models_are_decoded_by_pydantic() -> None:
    """By its rules for JSON, in which a strict model takes a date as text."""
    assert decode(Customer, '{"id": "5", "tags": ["a"]}') == Customer(id=5, tags=["a"])
    assert decode(Customer | None, "null") is None
    assert decode(Checked, '{"id": 5}') == Checked(5)
    made = decode(Strict, '{"day": "2024-02-03", "choices": [1], "amount": 0.25}')
    assert made == Strict(day=dt.date(2024, 2, 3), choices=(1,), amount=Decimal("0.25"))


def test_models_of_pydantic_1_are_decoded() -> None:
    """Alone and in containers."""
    assert decode(Old, '{"id": 5, "when": "2024-02-03T00:00:00"}') == Old(id=5, when=dt.datetime(2024, 2, 3))
    assert decode(list[Old], '[{"id": 5}]') == [Old(id=5)]


def test_models_of_libraries_within_a_dataclass() -> None:
    """Each is decoded by its own library, and numbers keep their digits on the way."""
    text = '{"point": {"xValue": 1, "amount": 0.10}, "customers": [{"id": 2}], "amount": 1.10}'
    assert str(decode(Mixed, text)) == str(Mixed(Point(1, amount=Decimal("0.10")), [Customer(id=2)], Decimal("1.10")))


def test_ten_problems_are_enough() -> None:
    """The rest are counted."""
    message = problem(list[Customer], json.dumps([{}] * 13))
    assert message.count("Field required") == 10
    assert message.endswith("; and 3 more")


def test_an_error_of_the_model_that_is_no_mismatch_is_the_functions_own() -> None:
    """A bug in a validator is not blamed on the event."""

    @dataclass
    class Buggy:
        x: int

        def __post_init__(self) -> None:
            self.x = 1 // 0

    with pytest.raises(ZeroDivisionError):
        decode(Buggy, '{"x": 1}')


@pytest.mark.parametrize("annotation", [Order, Point, Customer, Record])
def test_bytes_are_no_event_for_a_model(annotation: object) -> None:
    """An event of another content type than JSON is refused in plain words."""
    read = maybe_decoder(annotation, globals())
    assert read is not None
    with pytest.raises(FunctionError, match="expected a JSON event, got bytes of another content type"):
        read(b"{}", context_of(b"{}"))


@pytest.mark.parametrize(
    "annotation", [Customer, Point, make_dataclass("Priced", [("xValue", int), ("price", Decimal)])]
)
def test_a_marshaller_of_the_function_comes_first(annotation: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it made of the text is decoded, not the text."""
    monkeypatch.setattr(LambdaRuntimeClient, "marshaller", SimpleNamespace())
    read = maybe_decoder(annotation, globals())
    assert read is not None
    made: Any = read({"id": 1, "xValue": 1, "price": Decimal("1.10")}, context_of(b"encrypted"))
    assert isinstance(made, annotation)  # type: ignore[arg-type]


def test_the_text_is_let_go_once_it_is_decoded() -> None:
    """It may be 6 MiB."""
    read = maybe_decoder(Customer, globals())
    assert read is not None
    context = context_of(b'{"id": 1}')
    read({"id": 1}, context)
    assert Invocation.keeps_body
    assert context._invocation.body == b""


MODULE = """
    from __future__ import annotations
    import sys
    from dataclasses import InitVar, dataclass, field
    from datetime import datetime, time
    from decimal import Decimal
    from enum import Enum
    from pathlib import Path
    from typing import TYPE_CHECKING, Any, Generic, List, Literal, NewType, Optional, TypedDict, TypeVar
    from uuid import UUID
    if TYPE_CHECKING:
        from somewhere import LambdaContext

    T = TypeVar("T")
    Name = NewType("Name", str)
    Colour = Enum("Colour", {"RED": "red"})
    Json = Any
    if sys.version_info >= (3, 12):
        exec("type Json = dict[str, Json] | list[Json] | float | str | None")

    @dataclass(frozen=True)
    class Item:
        price: Decimal
        name: Optional[Name] = None
        at: datetime | time | None = None
        colours: frozenset[Colour] = frozenset()

    @dataclass
    class Page(Generic[T]):
        rows: List["T"]
        pages: Optional[list["Page[T]"]] = field(default_factory=list)

    class Order(TypedDict, total=False):
        items: Page[Item]
        kind: Literal["new", "old"]
        where: Path
        by: dict[UUID, int]
        rest: Json

    def handler(event: Order, context: LambdaContext):
        return [repr(event), event]
"""
ORDER = {
    "items": {
        "rows": [{"price": 1.1, "at": "2024-02-03T04:05:06.7Z"}],
        "pages": [{"rows": [{"price": "2", "colours": ["red"]}]}],
    },
    "kind": "new",
    "where": "/tmp",
    "by": {"12345678-1234-5678-1234-567812345678": 1},
    "rest": {"a": [{"b": [1.5, None]}]},
}


def test_typed_events_on_every_python(any_python: Function, api: FakeRuntimeAPI) -> None:
    """All that `typing` has, and a mismatch is a Runtime.UnmarshalError that does not end the process."""
    any_python.write(MODULE)
    api.event(json.dumps(ORDER).encode())
    api.event(b'{"items": {"rows": [{"price": 1}, {"price": []}]}}')
    api.event(b"{}")
    first, second, third = any_python.run().posts
    shown, value = first.json()
    assert "at=datetime.datetime(2024, 2, 3, 4, 5, 6, 700000, tzinfo=" in shown
    assert "'by': {UUID('12345678-1234-5678-1234-567812345678'): 1}, 'rest': {'a': [{'b': [1.5, None]}]}}" in shown
    assert "price=Decimal('2'), name=None, at=None, colours=frozenset({<Colour.RED: 'red'>})" in shown
    assert (value["items"]["rows"][0]["price"], value["where"], value["rest"]) == (1.1, "/tmp", ORDER["rest"])
    assert third.json() == ["{}", {}]
    assert second.path.endswith("/error")
    assert second.headers["lambda-runtime-function-error-type"] == "Runtime.UnmarshalError"
    message = "Unable to unmarshal input: expected Decimal, got list - at $.items.rows[1].price"
    assert second.json()["errorMessage"] == message


def test_an_asynchronous_handler_with_a_pydantic_model(function: Function, api: FakeRuntimeAPI) -> None:
    """In a whole process, with the library of the function; the answer is a model too."""
    function.write("""
        import pydantic

        class Order(pydantic.BaseModel):
            id: int

        async def handler(event: Order, context):
            return event
        """)
    api.event(b'{"id": "7"}')
    api.event(b'{"id": "x"}')
    good, bad = function.run().posts
    assert good.body == b'{"id": 7}'
    assert bad.json()["errorMessage"].endswith("unable to parse string as an integer - at $.id")


def test_nothing_is_imported_for_an_ordinary_annotation(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Types of the language need no decoding, however they are written."""
    any_python.write("""
        from __future__ import annotations
        import sys
        from collections.abc import Mapping
        from typing import Any, Optional

        def handler(event: Optional[Mapping[str, list[Any]]], context: Unknown) -> dict[str, Any]:
            return [name for name in sys.modules if name.endswith(".typed")]
        """)
    api.event()
    assert any_python.run().post.json() == []


def test_a_broken_model_is_reported_at_init(function: Function, api: FakeRuntimeAPI) -> None:
    """Before the first event is lost to it."""
    function.write("""
        from dataclasses import dataclass

        @dataclass
        class Order:
            id: "Missing"

        def handler(event: Order, context):
            return event
        """)
    outcome = function.run()
    assert outcome.post.path.endswith("/init/error")
    assert outcome.post.json()["errorMessage"] == "events cannot be decoded as Order: name 'Missing' is not defined"


def test_modules_of_the_function_named_like_the_library_do_no_harm(any_python: Function, api: FakeRuntimeAPI) -> None:
    """Events are decoded by means of the library's."""
    for name in ("decimal", "enum", "types"):
        any_python.write("NAME = 'mine'\n", f"{name}.py")
    any_python.write("""
        class Order:
            __dataclass_fields__ = {}
            __init__ = lambda self: None

        def handler(event: Order, context):
            import decimal
            return [type(event).__name__, decimal.NAME]
        """)
    api.event()
    assert any_python.run().post.json() == ["Order", "mine"]


@pytest.mark.parametrize("name", ["KW_ONLY", "dataclasses.KW_ONLY"])
def test_keyword_only_fields_are_decoded(any_python: Function, api: FakeRuntimeAPI, name: str) -> None:
    """What begins them is no field, also where annotations are text."""
    any_python.write(f"""
        from __future__ import annotations
        import dataclasses
        from dataclasses import KW_ONLY, dataclass

        @dataclass
        class Order:
            number: int
            _: {name}
            items: list[str]

        def handler(event: Order, context):
            return repr(event)
        """)
    api.event(b'{"number": 1, "items": ["a"]}')
    assert any_python.run().post.json() == "Order(number=1, items=['a'])"
