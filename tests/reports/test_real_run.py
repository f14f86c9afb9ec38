"""Every report of a run that took place: real sockets, a spoilt handshake, a refusal, a reply that was lost."""

from __future__ import annotations

import contextlib
import json
import ssl

import pytest

from faultlab import reports
from faultlab.faults import LoseResponse, RateLimit, Tls
from faultlab.history import History
from faultlab.oracles import judge
from faultlab.plan import Rule, When
from faultlab.reports import Result
from tests.labs import AUTH, finished, plan_of, running
from tests.raw import Raw
from tests.reports import test_har, test_junit, test_sarif, test_schema


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The history of four connections, whose bodies are small, large, text and none."""
    plan = plan_of(
        Rule(Tls("expired"), when=When(nth=1)),
        Rule(RateLimit(), when=When(nth=1)),
        Rule(LoseResponse(), when=When(nth=1)),
    )
    with running(plan, tmp_path_factory.mktemp("real") / "h", tls=True) as lab:
        with contextlib.suppress(ssl.SSLError, OSError):
            Raw(lab.port, authority=lab.certificate)
        for body in (b"m f=1 1\n", b"m f=1 1\n", b"m f=\xff 2\n", b"m f=1 3\n" * 1000):
            with Raw(lab.port, authority=lab.certificate) as raw:
                raw.write(body, headers=AUTH)
        return finished(lab)


def test_all_reports_of_a_real_run(past: History) -> None:
    """Each is what its schema says, and none has the token."""
    result = Result.of(judge(past), past)
    test_schema.STRICT.validate(json.loads(reports.json(result)))
    test_sarif.validator().validate(json.loads(reports.sarif([result])))
    test_junit.schema().validate(reports.junit([result]))
    test_har.validator().validate(json.loads(reports.har(past)))
    made = [write([result]) for write in (reports.junit, reports.markdown, reports.github, reports.sarif)]

    assert [] == [text for text in (*made, reports.har(past)) if "secret-of-the-test" in text]


def test_har_of_a_real_run(past: History) -> None:
    """The handshake is left out, and each request has its body and what came of it."""
    log = json.loads(reports.har(past))["log"]

    assert "left out: 1 TLS handshake" in log["comment"]
    assert [429, 0, 400, 204] == [entry["response"]["status"] for entry in log["entries"]]
    assert [8, 8, 8, 8000] == [entry["request"]["bodySize"] for entry in log["entries"]]
    assert {"https"} == {entry["request"]["url"].partition(":")[0] for entry in log["entries"]}
    assert "m f=1 3\n" * 1000 == log["entries"][3]["request"]["postData"]["text"]
