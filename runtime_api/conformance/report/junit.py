"""junit.xml, as CI systems read it: what is unmet is a failure, what the harness could not judge an error, what does not apply skipped."""

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
    root = ElementTree.Element(
        "testsuites", name=f"conformance of {results.subject.name}", time=f"{results.seconds:.3f}"
    )
    for prefix, group in groupby(results.cases, key=lambda case: case.section):
        _add_suite(root, prefix, list(group))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(root: ElementTree.Element, prefix: str, cases: list[CaseResult]) -> None:
    counts = {
        "tests": len(cases),
        "failures": sum(_is_failure(case) for case in cases),
        "errors": sum(case.status is Status.ERROR for case in cases),
        "skipped": sum(case.status is Status.NOT_APPLICABLE for case in cases),
    }
    attributes = {"name": prefix, **{name: str(count) for name, count in counts.items()}}
    suite = ElementTree.SubElement(root, "testsuite", attributes)
    for case in cases:
        _add_case(suite, prefix, case)


def _add_case(suite: ElementTree.Element, prefix: str, case: CaseResult) -> None:
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
    elif _is_failure(case):
        ElementTree.SubElement(test, "failure", message=_clean(case.requirement), type=case.level.value).text = text
    elif text:
        ElementTree.SubElement(test, "system-out").text = text


def _is_failure(case: CaseResult) -> bool:
    return case.status in (Status.FAIL, Status.BLOCKED) and case.is_unmet


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
