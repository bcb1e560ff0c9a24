"""Mutants of LMI."""

from .featured import FeaturedRuntime
from .reference import Handler, Response, Runtime, mutant


@mutant("RT-LMI-001")
class OneMore(FeaturedRuntime):
    """It has a worker too many."""

    def limit(self) -> int:
        return super().limit() + 1


@mutant("RT-LMI-002")
class MixesUpEvents(FeaturedRuntime):
    """It answers another one of the events it works on."""

    open: list[Response]

    def load(self) -> Handler:
        self.open = []
        return super().load()

    def invoke(self, handler: Handler, event: Response) -> None:
        self.open.append(event)
        super().invoke(handler, event)

    def post_response(self, event: Response, body: bytes) -> None:
        other = next((one for one in self.open if one is not event), event)
        self.open.remove(other)
        super().post_response(other, body)


@mutant("RT-LMI-003")
class SharesTrace(FeaturedRuntime):
    """Its threads write their trace ids into the one environment."""

    def set_trace(self, trace_id: str) -> None:
        Runtime.set_trace(self, trace_id)
