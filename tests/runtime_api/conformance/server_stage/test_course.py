from __future__ import annotations

import pytest

from runtime_api.conformance.server_stage.answer import Answer
from runtime_api.conformance.server_stage.course import Course


@pytest.mark.parametrize(
    ("answer", "ended", "lost"),
    [
        (Answer(fault="the server closed the connection", asked_ms=10, ended_ms=60), True, True),
        (Answer(fault="the server closed the connection", asked_ms=10, ended_ms=60), False, False),
        (Answer(fault="the server closed the connection", asked_ms=10, ended_ms=2_600), True, False),
        (Answer(status=200, asked_ms=10, ended_ms=60), True, False),
    ],
)
def test_an_answer_is_lost_with_the_sandbox_only_at_once(answer: Answer, ended: bool, lost: bool) -> None:
    """A server that lets a runtime wait until its timeout has not answered."""
    course = Course("function", 0.0)
    course.answers["report"], course.facts["ended"] = answer, ended
    assert course.is_lost("report") is lost
