"""junit.xml, as CI systems read it: what fails the run is a failure, what could not be judged an error, what does not apply skipped."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree

from runtime_api.conformance.report.results import CaseResult, Results
from runtime_api.conformance.verdicts import Status

# What XML 1.0 has no place for.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Results) -> str:
    """The document. A warning is a test that passed with something to say, in system-out."""
    name = _clean(f"conformance of {results.subject.name}")
    root = ElementTree.Element("testsuites", name=name, time=f"{results.seconds:.3f}")
    for prefix, group in groupby(results.cases, key=lambda case: case.section):
        _add_suite(root, prefix, list(group), results)
    if results.stale:
        _add_stale(root, results.stale)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(root: ElementTree.Element, prefix: str, cases: list[CaseResult], results: Results) -> None:
    counts = {
        "tests": len(cases),
        "failures": sum(results.fails(case) for case in cases),
        "errors": sum(case.status is Status.ERROR for case in cases),
        "skipped": sum(case.status is Status.NOT_APPLICABLE for case in cases),
    }
    attributes = {"name": prefix, **{name: str(count) for name, count in counts.items()}}
    suite = ElementTree.SubElement(root, "testsuite", attributes)
    for case in cases:
        _add_case(suite, prefix, case, results.fails(case))


def _add_stale(root: ElementTree.Element, stale: tuple[str, ...]) -> None:
    count = str(len(stale))
    suite = ElementTree.SubElement(root, "testsuite", name="baseline", tests=count, failures=count)
    for name in stale:
        test = ElementTree.SubElement(suite, "testcase", classname="baseline", name=name)
        ElementTree.SubElement(test, "failure", message=f"{name} is listed in the baseline, and passes")


def _add_case(suite: ElementTree.Element, prefix: str, case: CaseResult, fails: bool) -> None:
    test = ElementTree.SubElement(
        suite, "testcase", classname=prefix, name=f"{case.id} {case.slug}", time=f"{case.ms / 1000:.3f}"
    )
    text = _clean(
        "\n".join([*(f"expected {one.expected}\nactual   {one.actual}" for one in case.findings), *case.notes])
    )
    if case.status is Status.ERROR:
        ElementTree.SubElement(test, "error", message=_clean(case.requirement)).text = text
    elif case.status is Status.NOT_APPLICABLE:
        ElementTree.SubElement(test, "skipped", message=text)
    elif fails:
        ElementTree.SubElement(test, "failure", message=_clean(case.requirement), type=case.level.value).text = text
    elif text:
        ElementTree.SubElement(test, "system-out").text = text


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
