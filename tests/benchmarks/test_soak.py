"""The soak in small: many callers on few sandboxes, each gets its own answer."""

from benchmarks.load import Callers
from benchmarks.servers import pilotlight
from benchmarks.soak import TASK_ROOT, Tokens


def test_no_answer_is_lost_or_crossed() -> None:
    """Forty callers share five sandboxes for four hundred calls; every token comes back to its caller, once."""
    with pilotlight(TASK_ROOT, "--concurrency", "5", "--timeout", "20", function="soak_function") as server:
        tokens = Tokens(server, seconds=60, calls=400)
        Callers(server.port, server.path, tokens, range(40), backoff_s=0.002).run()
    assert (tokens.answers, tokens.lost_answers, tokens.unexpected) == (400, 0, [])
    assert (tokens.crossed, tokens.unaccounted) == (0, 0)
    assert 1 <= tokens.sandboxes <= 5
