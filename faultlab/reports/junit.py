"""The verdicts as JUnit XML, for what shows test results: one suite a run, one test case an oracle.

A file without failure and error is one whose runs all passed: what makes a run no pass beyond its oracles is an error
of a test case of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import faultlab
from faultlab.reports.result import Asked, Result, Standing
from faultlab.reports.wording import clean, detail, distinct, headline, one_line, reasons, standing

RUN = "the run"
"""Name of the test case for what no oracle is about; no function is called so."""


def junit(results: Sequence[Result]) -> str:
    """Give the document, with its XML declaration and a last line feed, as Jenkins' ``junit-10.xsd`` has it.

    Needs ``junitparser``, of the extra ``cli``.
    """
    import junitparser  # noqa: PLC0415 - reading a history needs the standard library alone

    library: Any = junitparser
    document = library.JUnitXml("faultlab")
    names = distinct(clean(result.name) for result in results)
    for name, result in zip(names, results, strict=True):
        # Not add_testsuite, which compares it with all that are there.
        document.append(_suite(library, name, result))
    # Not its update_statistics, which counts what is skipped, for which the schema has no place.
    for total in ("tests", "failures", "errors"):
        setattr(document, total, sum(getattr(suite, total) for suite in document))
    document.time = round(sum(result.seconds or 0.0 for result in results), 3)
    written = io.BytesIO()
    document.write(written, pretty=True)
    return written.getvalue().decode()


def _suite(library: Any, name: str, result: Result) -> Any:
    suite = library.TestSuite(name)
    for key, value in _properties(result):
        suite.add_property(one_line(key), clean(value))
    group = f"faultlab.{name}"
    suite.append(_run(library, group, result))
    names = distinct(clean(asked.name) for asked in result.oracles)
    suite.extend(_case(library, group, called, asked) for called, asked in zip(names, result.oracles, strict=True))
    suite.update_statistics()
    suite.time = round(result.seconds or 0.0, 3)
    return suite


def _properties(result: Result) -> Iterator[tuple[str, str]]:
    yield "faultlab", faultlab.__version__
    yield "verdict", result.verdict.word
    yield "scenario", result.scenario
    yield "seed", str(result.seed)
    yield "profile", result.profile
    yield "strict", str(result.strict).lower()
    yield "reproduce", result.again
    if result.history:
        yield "history", result.history
    yield "exchanges", str(result.counts.exchanges)
    yield "batches", str(result.counts.batches)
    yield "points", str(result.counts.points)
    for number, note in enumerate(result.notes, 1):
        yield f"note.{number}", note
    for rule, count in result.fired.items():
        yield f"fired.{rule}", str(count)


def _run(library: Any, group: str, result: Result) -> Any:
    case = library.TestCase(RUN, group)
    why = reasons(result)
    if why:
        more = f"; and {len(why) - 1} more" if len(why) > 1 else ""
        error = library.Error(f"{why[0]}{more}", "inconclusive")
        error.text = "\n".join((*why, "", f"reproduce: {clean(result.again)}"))
        case.append(error)
    return case


def _case(library: Any, group: str, name: str, asked: Asked) -> Any:
    case = library.TestCase(name, group)
    stands = standing(asked)
    if stands is Standing.FAIL:
        case.append(_ended(library.Failure(headline(asked), asked.level), asked))
    elif stands is Standing.INCONCLUSIVE:
        case.append(_ended(library.Error(headline(asked), "crash" if asked.crashed else "inconclusive"), asked))
    elif stands in {Standing.UNDECIDED, Standing.TOLERATED}:
        case.append(library.Skipped(headline(asked), stands.value))
    elif stands is Standing.WARNING:
        case.system_out = "\n".join((f"warning: {headline(asked)}", *_told(asked)))
    return case


def _ended(element: Any, asked: Asked) -> Any:
    element.text = "\n".join(_told(asked))
    return element


def _told(asked: Asked) -> Iterator[str]:
    yield f"{one_line(asked.about)} ({asked.level}: {one_line(asked.source)})"
    yield from detail(asked)
