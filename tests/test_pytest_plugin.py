"""The pytest plugin, used as its users do: in a pytest run of its own, with a client from the standard library."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CLIENT = '''
"""A client of a few lines: it waits as it is told and tries three times, or once."""

import time
import urllib.error
import urllib.request


def write(lab, lines, attempts=3):
    """Give the last status that was told."""
    url = f"{lab.url}/api/v2/write?org={lab.org}&bucket={lab.bucket}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(attempts):
        try:
            request = urllib.request.Request(url, lines.encode(), {"Authorization": f"Token {lab.token}"})
            with opener.open(request, timeout=20) as reply:
                return reply.status
        except urllib.error.HTTPError as refusal:
            with refusal:
                status = refusal.code
            if attempts > 1:
                time.sleep(float(refusal.headers["Retry-After"]))
    return status
'''

LINE = "m,k=a v=1 1700000000000000000"


@pytest.fixture
def users(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a folder with the client in it, whose pytest runs are processes of their own."""
    pytester.makepyfile(client=CLIENT)
    pytester.makefile(".ini", pytest="[pytest]\npythonpath = .\naddopts = --strict-markers -p no:cacheprovider\n")
    return pytester


def errors_of(result: pytest.RunResult) -> list[str]:
    """Give the lines that a pytest run's summary calls errors, each without the test's name."""
    return [line for line in result.outlines if line.startswith("faultlab: ")]


def told(folder: Path) -> list[int]:
    """Give the statuses a client was told, as a history has them."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event["told"]["status"] for event in events if event["event"] == "outcome"]


def test_importing_the_plugin_imports_nothing_of_ours() -> None:
    """Whoever has faultlab installed and does not use it pays for one small module."""
    script = (
        "import sys, faultlab.pytest_plugin\n"
        "heavy = ('mitmproxy', 'hypothesis', 'click', 'rich', 'ruamel', 'jsonschema', 'faultlab')\n"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "['faultlab', 'faultlab.pytest_plugin']\n" == done.stdout


def test_a_run_without_the_fixture_imports_nothing_of_ours(users: pytest.Pytester) -> None:
    """The hooks of a run in which no test asks for a lab do not load one either."""
    users.makepyfile("""
        import sys

        def test_other():
            ours = {name for name in sys.modules if name.startswith("faultlab")}
            assert {"faultlab", "faultlab.pytest_plugin"} == ours
    """)
    users.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_marker_and_the_options_are_explained(users: pytest.Pytester) -> None:
    """``--markers`` and ``--help`` name what the plugin adds."""
    markers = users.runpytest_subprocess("--markers").stdout.str()
    options = users.runpytest_subprocess("--help").stdout.str()
    named = [
        "@pytest.mark.faultlab(scenario_or_rules, *, seed=None, profile=None): " in markers,
        "--faultlab-seed=N" in options,
        "--faultlab-history=DIR" in options,
    ]
    assert [True, True, True] == named


def test_a_good_client_passes_and_its_history_is_kept(users: pytest.Pytester) -> None:
    """A test without a marker runs under ``calm``, one with a rule under that rule; both histories are kept."""
    users.makepyfile(f"""
        import pytest
        from client import write
        from faultlab.faults import RateLimit
        from faultlab.plan import Match, Range, Rule

        FIRST = Rule(RateLimit(form="seconds", min_wait=1, max_wait=1), match=Match(attempt=Range(1, 1)))

        def test_calm(faultlab):
            assert 204 == write(faultlab, {LINE!r})
            faultlab.assert_pass()

        @pytest.mark.faultlab(FIRST, profile="tsm")
        def test_refused_once(faultlab):
            assert 204 == write(faultlab, {LINE!r})
            assert [429, 204] == [event.outcome.told.status for event in faultlab.history.events]
            assert "tsm" == faultlab.history.run["profile"]
            faultlab.assert_pass()
    """)
    users.runpytest_subprocess("--faultlab-history", "past").assert_outcomes(passed=2)
    folders = sorted(users.path.joinpath("past").iterdir())
    assert [[204], [429, 204]] == [told(folder) for folder in folders]


def test_a_lossy_client_fails_with_the_report_and_the_command_that_repeats_it(users: pytest.Pytester) -> None:
    """The error is the report itself: no frame of ours, and at its end how to run the test again."""
    users.makepyfile(
        test_lossy=f"""
        import pytest
        from client import write
        from faultlab.faults import RateLimit

        @pytest.mark.faultlab(RateLimit(max_wait=1), seed=3)
        def test_gives_up(faultlab):
            faultlab.hands_over({LINE!r})
            write(faultlab, {LINE!r}, attempts=1)
            faultlab.was_told("ok")
            faultlab.assert_pass()
    """
    )
    result = users.runpytest_subprocess("--faultlab-history", "past")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: verdict: FAIL",
            "E * FAIL loses_nothing_silently *",
            "E * reproduce",
            "E *   pytest test_lossy.py::test_gives_up --faultlab-seed 3",
            "E *   faultlab judge */past/test_lossy.py-test_gives_up",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_an_application_that_was_told_is_no_lossy_client(users: pytest.Pytester) -> None:
    """What a test records by ``was_told`` counts as the application's own report."""
    users.makepyfile(f"""
        import pytest
        from client import write
        from faultlab.faults import MalformedLine

        @pytest.mark.faultlab(MalformedLine())
        def test_is_told(faultlab):
            faultlab.hands_over({LINE!r})
            assert 400 == write(faultlab, {LINE!r}, attempts=1)
            faultlab.was_told("rejected", lines={LINE!r})
            faultlab.assert_pass()
    """)
    users.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_client_may_have_a_process_of_its_own(users: pytest.Pytester) -> None:
    """``run`` hands the address to a command and its ending to the history."""
    users.makepyfile(f"""
        import sys

        SCRIPT = '''
        import os, types
        from client import write
        url, token = os.environ["INFLUX_HOST"], os.environ["INFLUX_TOKEN"]
        write(types.SimpleNamespace(url=url, token=token, org="o", bucket="b"), {LINE!r})
        '''

        def test_process(faultlab):
            script = "\\n".join(line.strip() for line in SCRIPT.splitlines())
            client = faultlab.run([sys.executable, "-c", script])
            assert 0 == client.status
            assert client == faultlab.history.client
            faultlab.assert_pass()
    """)
    users.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_nearest_marker_decides_and_the_option_decides_the_seed(users: pytest.Pytester) -> None:
    """A function's marker hides its class's; ``--faultlab-seed`` is stronger than any marker and any scenario."""
    users.makefile(".yaml", own="about: One of our own.\nseed: 5\nrules: []\n")
    users.makepyfile("""
        import pathlib
        import pytest

        def of(lab):
            return lab.history.run["scenario"], lab.history.run["seed"]

        @pytest.mark.faultlab("rate-limit", seed=1)
        class TestClass:
            def test_class(self, faultlab, wanted):
                assert ("rate-limit", wanted or 1) == of(faultlab)

            @pytest.mark.faultlab("own.yaml")
            def test_function(self, faultlab, wanted):
                assert ("own", wanted or 5) == of(faultlab)

            @pytest.mark.faultlab(pathlib.Path("own.yaml"), seed=2)
            def test_path(self, faultlab, wanted):
                assert ("own", wanted or 2) == of(faultlab)
    """)
    users.makeconftest("""
        import pytest

        @pytest.fixture
        def wanted(request):
            return request.config.getoption("--faultlab-seed")
    """)
    users.runpytest_subprocess().assert_outcomes(passed=3)
    users.runpytest_subprocess("--faultlab-seed", "9", "-k", "path").assert_outcomes(passed=1)


def test_a_history_is_never_written_over(users: pytest.Pytester) -> None:
    """The same test run twice into one folder leaves two histories."""
    users.makepyfile(
        test_x=f"""
        from client import write

        def test_y(faultlab):
            write(faultlab, {LINE!r})
    """
    )
    for _ in range(2):
        users.runpytest_subprocess("--faultlab-history", "past").assert_outcomes(passed=1)
    names = sorted(folder.name for folder in users.path.joinpath("past").iterdir())
    assert ["test_x.py-test_y", "test_x.py-test_y-2"] == names


def test_a_lab_is_gone_after_its_test_whatever_failed(users: pytest.Pytester) -> None:
    """The proxy stops, and its history is complete, when another fixture fails and when the test itself does."""
    users.makepyfile("""
        import pathlib
        import pytest

        @pytest.fixture
        def known(faultlab):
            with pathlib.Path("ports").open("a") as file:
                print(faultlab.url.rpartition(":")[2], file=file)

        @pytest.fixture
        def broken(known):
            raise RuntimeError

        def test_setup(known, broken):
            pass

        def test_call(known):
            raise RuntimeError
    """)
    users.runpytest_subprocess("--faultlab-history", "past").assert_outcomes(errors=1, failed=1)
    ports = [int(line) for line in users.path.joinpath("ports").read_text().split()]
    ends = [json.loads(path.read_text().splitlines()[-1])["event"] for path in users.path.glob("past/*/events.jsonl")]
    assert ([False, False], ["end", "end"]) == ([listens(port) for port in ports], ends)


def listens(port: int) -> bool:
    """Whether anything accepts a connection on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


BAD = {
    '"rate-limt"': "no scenario is named 'rate-limt'; expected a file, or one of *; did you mean 'rate-limit'?",
    '"calm", "calm"': "'faultlab' was given 'calm'; expected one scenario, or faults and rules such as "
    "RateLimit(max_wait=3)",
    "RateLimit(), RateLimit": "'faultlab' was given <class 'faultlab.faults.http.RateLimit'>; expected one scenario, "
    "or faults and rules such as RateLimit(max_wait=3)",
    "[RateLimit(), RateLimit()]": "two rules are named 'rate_limit'; expected a name of its own for each",
    '"calm", sed=1': "marker has no argument 'sed'; did you mean 'seed'?; expected "
    "faultlab(scenario_or_rules, *, seed=None, profile=None)",
    '"calm", seed="1"': "marker's seed is '1'; expected a whole number",
    '"calm", profile=3': "marker's profile is 3; expected a profile's name such as 'core'",
    '"calm", profile="corr"': "no profile named 'corr'; known: *; did you mean 'core'?",
    '"missing.yaml"': "*/missing.yaml: cannot be read (No such file or directory); expected *",
}


def test_a_marker_that_makes_no_sense_is_one_line(users: pytest.Pytester) -> None:
    """Each mistake is an error of its test, told in one line without a traceback."""
    tests = "".join(
        f"@pytest.mark.faultlab({arguments})\ndef test_{number}(faultlab): pass\n"
        for number, arguments in enumerate(BAD)
    )
    users.makepyfile("import pytest\nfrom faultlab.faults import RateLimit\n" + tests)
    result = users.runpytest_subprocess()
    result.assert_outcomes(errors=len(BAD))
    result.stdout.fnmatch_lines([f"faultlab: {glob(message)}" for message in BAD.values()])
    assert (len(BAD), False) == (len(errors_of(result)), "Traceback" in result.stdout.str())


def glob(message: str) -> str:
    """Give a pattern that takes brackets for themselves."""
    return message.replace("[", "[[]").replace("?", "[?]")


def test_an_environment_that_fails_is_one_line(users: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that cannot start is an error of the test, told in one line without a traceback."""
    monkeypatch.setenv("FAULTLAB_PROXY_PYTHON", "/nowhere/python")
    users.makepyfile("def test_x(faultlab): pass")
    result = users.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    expected = ["faultlab: the proxy could not start: /nowhere/python: No such file or directory"]
    assert expected == errors_of(result)


def test_a_client_that_cannot_start_is_one_line(users: pytest.Pytester) -> None:
    """The command is named, and the lab is stopped all the same."""
    users.makepyfile("def test_x(faultlab): faultlab.run(['/nowhere/client'])")
    result = users.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    assert ["faultlab: the client could not start: /nowhere/client: No such file or directory"] == errors_of(result)


SCOPES = '''
import pytest
from client import write

from faultlab.exchange import Answer, Decision, Nothing
from faultlab.faults import Unavailable


def test_scopes(faultlab):
    """Each scope has a history, an empty InfluxDB and rules of its own."""
    write(faultlab, "m v=1 1")
    with faultlab.faults(Unavailable(min_wait=0, max_wait=0)) as first:
        write(first, "m v=1i 2", attempts=1)
    with faultlab.faults() as second:
        assert 204 == write(second, "m v=1i 3")
        second.was_told("ok")
    with faultlab.play([Decision(deliver=Nothing(), reply=Answer(500), fault="planted", rule="schedule")]) as third:
        assert [500, 204] == [write(third, f"m v=1 {number}", attempts=1) for number in (4, 5)]
    assert [[204], [503], [204], [500, 204]] == [
        [event.outcome.told.status for event in scope.history.events] for scope in (faultlab, first, second, third)
    ]
    assert all(scope.history.complete for scope in (faultlab, first, second, third))
    second.assert_pass()
    assert 4 == len({scope.folder for scope in (faultlab, first, second, third)})


def test_a_wrong_rule(faultlab):
    with faultlab.faults("rate-limt"):
        pass
'''


def test_scopes_are_alone(pytester: pytest.Pytester) -> None:
    """A test may have any number of scopes, each with its own plan and history; a wrong rule is one line."""

    pytester.makepyfile(client=CLIENT, test_scopes=SCOPES)
    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["faultlab: no scenario is named 'rate-limt'*; did you mean 'rate-limit'?"])
