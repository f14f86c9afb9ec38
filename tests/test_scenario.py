"""Scenario files: what is read, what each bad file is told, the schema, and whether the built-in ones are fair."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from faultlab import contract, faults, oracles, scenarios
from faultlab.exchange import (
    ENDPOINTS,
    V2_WRITE,
    Answer,
    Body,
    Closed,
    Exchange,
    Handshake,
    Never,
    Refused,
    Severed,
    Truncated,
)
from faultlab.faults.catalogue import rows_at
from faultlab.faults.knob import KnobError, check_value, knob, knobs, types_of
from faultlab.faults.retry_after import FORMS
from faultlab.plan import Arbiter, Match, Plan, Range, Rule, When
from faultlab.scenario import Scenario, ScenarioError, load, names, parse, schema
from faultlab.scenarios import reading
from faultlab.scenarios.checking import expected
from faultlab.terms import Terms

FOLDER = Path(scenarios.__file__).parent
DOCS = Path(__file__).parent.parent / "docs" / "scenarios.md"

GOOD = """\
# yaml-language-server: $schema=schema.json
name: evening-peak
about: a sentence
profile: serverless
seed: 7
rules:
  - fault: rate_limit
    name: quota
    with: {min_wait: 1, max_wait: 3, cause: null}
    match: {endpoint: write, attempt: {max: 2}, lines: 3, header: {content-encoding: "gzip*"}}
    when: {probability: 0.5, times: 10, after: 1, before: 2.5}
    required: false
  - fault: too_large
checks: [waits_as_told, ends_well]
client: {deadline: 60, memory_mb: 1024}
"""

RULE = "rules:\n  - fault: rate_limit\n    "
TOP = "name, about, profile, seed, rules, checks, client"
RULE_KEYS = "fault, name, with, match, when, required"
FAULTS = ", ".join(n for k in faults.ALL for n in (k.name, *(a for a, of in faults.ALIASES.items() if of == k.name)))
CHECKS = ", ".join(oracle.name for oracle in oracles.ALL)
PROFILES = ", ".join(profile.name for profile in contract.ALL)
BOUND = next(item for item in knobs(faults.RateLimit) if item.name == "min_wait").metadata["maximum"]
WAITING = ", ".join(item.name for item in knobs(faults.RateLimit))
WAIT = f"a whole number from 0 to {BOUND}"
THAT_DO = (
    "that the profile has an answer for, but profile 'oss1' documents no 'rate_limit'; profiles that do: "
    + ", ".join(profile.name for profile in contract.ALL if profile.of("rate_limit"))
)
THROTTLING = (
    "that the profile has an answer for, but profile 'serverless' documents no 'unavailable/throttled'; profiles that "
    "do: "
    + ", ".join(
        profile.name for profile in contract.ALL if faults.is_documented(faults.Unavailable(cause="throttled"), profile)
    )
)
RANGE = "a whole number of at least 0 or a mapping with min, max"
PAGES = ", ".join(ENDPOINTS)
WHERE = "head, upload, request, reply, status_line, headers, body"
BY_HEAD = "expected conditions on the head only, as 'bandwidth' is decided before the body is read"
TOO_MANY = "with its aliases the file is more than"
NAMING = "1 to 80 letters, digits, '.', '_' and '-', a letter or digit first"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
SEED = "a whole number from 0 to 9223372036854775807"

BAD: tuple[tuple[str, str], ...] = (
    ("", "1:1: is empty; expected a scenario, which has at least 'rules'"),
    ("# only a comment\n", "1:1: is empty; expected a scenario, which has at least 'rules'"),
    ("null", f"1:1: is null; expected a mapping with {TOP}"),
    ("- rules", f"1:1: is a list; expected a mapping with {TOP}"),
    ("rules", f"1:1: is 'rules'; expected a mapping with {TOP}"),
    ("seed: 1", "1:1: key 'rules': is missing; expected a list"),
    ("rules: [", "1:9: not YAML: expected the node content, but found '<stream end>'; expected YAML 1.2"),
    ("a: b: c", "1:5: not YAML: mapping values are not allowed here; expected YAML 1.2"),
    (
        "%YAML 3.0\n--- a",
        "1:1: not YAML: found incompatible YAML document (version 1.* is required); expected YAML 1.2",
    ),
    ('rules: []\n"\\UFFFFFFFF": 1', "1:9: not YAML near here (ValueError); expected YAML 1.2"),
    ("rules: []\nabout: \x07", "2:8: character U+0007 cannot stand in YAML; expected text that can be printed"),
    ("rules: []\n---\nrules: []", "2:1: a second document begins here; expected one in a file"),
    ("rules: *none", "1:8: alias 'none' names nothing; expected an anchor before it"),
    ("rules: &a [*a]", "1:12: alias 'a' names nothing; expected an anchor before it"),
    (
        "rules: !!python/object:os.system []",
        "1:8: tag 'tag:yaml.org,2002:python/object:os.system' means nothing here; expected a value without a tag",
    ),
    (f"{LAUGHS}rules: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]", f"1:26: {TOO_MANY} 10000 values; expected fewer"),
    (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40)),
        f"1:10: {TOO_MANY} 32 values deep; expected fewer",
    ),
    ("[" * 40, "1:34: lies more than 32 values deep; expected a scenario's few"),
    (f"[{'x,' * 20_000}]", "1:20000: is value number 10001; expected at most 10000 in a file"),
    ("x" * (reading.SIZE + 1), "1:1: is larger than 1048576 bytes; expected a scenario of a few hundred"),
    ("rules: []\nrules: []", "2:1: key 'rules': stands twice, first in line 1; expected once"),
    (
        f"{RULE}with: {{form: date, form: date}}",
        "3:24: key 'rules[0].with.form': stands twice, first in line 3; expected once",
    ),
    ("rules: []\n? [a]\n: b", "2:3: a list stands where a key does; expected text"),
    ("rules: []\nclient:\n  ? {a: b}\n  : c", "3:5: key 'client': a mapping stands where a key does; expected text"),
    ("rules: []\nchcks: []", f"2:1: key 'chcks': no such key; expected one of {TOP}; did you mean 'checks'?"),
    ("ruels: []", f"1:1: key 'ruels': no such key; expected one of {TOP}; did you mean 'rules'?"),
    ("rules: []\n1: 2", f"2:1: key '['1']': no such key; expected one of {TOP}"),
    ('rules: []\n"a\\nb": 2', f"2:1: key '['a\\nb']': no such key; expected one of {TOP}"),
    ("<<: {rules: []}", f"1:1: key '['<<']': no such key; expected one of {TOP}"),
    ("rules:\nseed: 1", "1:1: key 'rules': is null; expected a list"),
    ("rules: {}", "1:8: key 'rules': is a mapping; expected a list"),
    ("rules: [x]", f"1:9: key 'rules[0]': is 'x'; expected a mapping with {RULE_KEYS}"),
    ("rules:\n  - name: a", f"2:5: key 'rules[0].fault': is missing; expected one of {FAULTS}"),
    (
        "rules:\n  - fault: rate_limt",
        f"2:12: key 'rules[0].fault': is 'rate_limt'; expected one of {FAULTS}; did you mean 'rate_limit'?",
    ),
    (f"{RULE}wtih: {{}}", f"3:5: key 'rules[0].wtih': no such key; expected one of {RULE_KEYS}; did you mean 'with'?"),
    (f"{RULE}name: ''", "3:11: key 'rules[0].name': is ''; expected text of 1 to 80 characters"),
    (f"{RULE}required: yes", "3:15: key 'rules[0].required': is 'yes'; expected true or false"),
    (
        f"{RULE}with: {{min_wiat: 1}}",
        f"3:12: key 'rules[0].with.min_wiat': no such key; expected one of {WAITING}; did you mean 'min_wait'?",
    ),
    (
        f"{RULE}with: {{min_wait: 1, cuase: null}}",
        f"3:25: key 'rules[0].with.cuase': no such key; expected one of {WAITING}; did you mean 'cause'?",
    ),
    (f"{RULE}with:", f"3:5: key 'rules[0].with': is null; expected a mapping with {WAITING}"),
    (
        f"{RULE}with: {{min_wait: true}}",
        f"3:22: key 'rules[0].with.min_wait': is true; expected {WAIT}",
    ),
    (
        f"{RULE}with: {{min_wait: 1.0}}",
        f"3:22: key 'rules[0].with.min_wait': is 1.0; expected {WAIT}",
    ),
    (
        f"{RULE}with: {{min_wait: '1'}}",
        f"3:22: key 'rules[0].with.min_wait': is '1'; expected {WAIT}",
    ),
    (
        f"{RULE}with: {{min_wait: -1}}",
        f"3:22: key 'rules[0].with.min_wait': is -1; expected {WAIT}",
    ),
    (
        f"{RULE}with: {{min_wait: 9, max_wait: 3}}",
        "3:11: key 'rules[0].with': min_wait is 9; expected at most max_wait, which is 3",
    ),
    (
        f"{RULE}with: {{min_wait: 31}}",
        "3:11: key 'rules[0].with': min_wait is 31; expected at most max_wait, which is 30",
    ),
    (
        f"{RULE}with: {{form: secnds}}",
        f"3:18: key 'rules[0].with.form': is 'secnds'; expected one of {', '.join(FORMS)}; did you mean 'seconds'?",
    ),
    (
        "rules:\n  - fault: partial_write\n    with: {share: .nan}",
        "3:19: key 'rules[0].with.share': is nan; expected a number from 0 to 1",
    ),
    (
        "rules:\n  - fault: partial_write\n    with: {share: 1.5}",
        "3:19: key 'rules[0].with.share': is 1.5; expected a number from 0 to 1",
    ),
    (
        "rules:\n  - fault: partial_write\n    with: {status: 200}",
        "3:20: key 'rules[0].with.status': is 200; expected one of null, 201, 204, 400, 422",
    ),
    (
        "rules:\n  - fault: method_not_allowed\n    with: {x: 1}",
        "3:12: key 'rules[0].with.x': no such key; expected none, as there are no knobs",
    ),
    (
        f"{RULE}match: {{endpoint: wrte}}",
        f"3:23: key 'rules[0].match.endpoint': is 'wrte'; expected one of write, query, {PAGES}; did you mean 'write'?",
    ),
    (
        f"{RULE}match: {{attempt: {{min: 3, max: 1}}}}",
        "3:28: key 'rules[0].match.attempt.min': is 3; expected at most 1, which is its 'max'",
    ),
    (
        f"{RULE}match: {{attempt: 0}}",
        "3:22: key 'rules[0].match.attempt': is 0; expected a whole number of at least 1 or a mapping with min, max",
    ),
    (
        f"{RULE}match: {{size: {{}}}}",
        f"3:19: key 'rules[0].match.size': is a mapping; expected {RANGE}",
    ),
    (
        f"{RULE}match: {{size: {{mx: 1}}}}",
        "3:20: key 'rules[0].match.size.mx': no such key; expected one of min, max; did you mean 'max'?",
    ),
    (f"{RULE}match: {{header: {{x-a: 1}}}}", "3:27: key 'rules[0].match.header.x-a': is 1; expected text"),
    (f"{RULE}match: {{method: post}}", "3:21: key 'rules[0].match.method': is 'post'; expected text in capitals"),
    (f"{RULE}match: {{database: ''}}", "3:23: key 'rules[0].match.database': is ''; expected text that is not empty"),
    (f"{RULE}when: {{probability: 2}}", "3:25: key 'rules[0].when.probability': is 2; expected a number from 0 to 1"),
    (f"{RULE}when: {{times: 0}}", "3:19: key 'rules[0].when.times': is 0; expected a whole number of at least 1"),
    (f"{RULE}when: {{after: -1}}", "3:19: key 'rules[0].when.after': is -1; expected a number of at least 0"),
    (
        f"{RULE}when: {{after: 9, before: 9}}",
        "3:19: key 'rules[0].when.after': is 9; expected less than 9, which is its 'before'",
    ),
    (
        "rules:\n  - fault: success\n  - fault: success",
        "3:12: key 'rules[1].fault': names the rule 'success', as rules[0] is; expected a 'name' of its own for each",
    ),
    (
        "rules:\n  - fault: success\n  - fault: too_large\n    name: success",
        "4:11: key 'rules[1].name': names the rule 'success', as rules[0] is; expected a 'name' of its own for each",
    ),
    (
        "profile: oss1\nrules:\n  - fault: rate_limit",
        f"3:12: key 'rules[0].fault': is 'rate_limit'; expected a fault {THAT_DO}",
    ),
    (
        "rules:\n  - fault: unavailable\n    with: {cause: throttled}",
        f"3:19: key 'rules[0].with.cause': is 'throttled'; expected a cause {THROTTLING}",
    ),
    (
        "rules: []\nprofile: severless",
        f"2:10: key 'profile': is 'severless'; expected one of {PROFILES}; did you mean 'serverless'?",
    ),
    (
        "rules: []\nchecks: [ends_well, waits_as_tld]",
        f"2:21: key 'checks[1]': is 'waits_as_tld'; expected one of {CHECKS}; did you mean 'waits_as_told'?",
    ),
    ("rules: []\nchecks: ends_well", "2:9: key 'checks': is 'ends_well'; expected a list"),
    (
        "rules: []\nchecks: [ends_well, ends_well]",
        "2:21: key 'checks[1]': is 'ends_well', as checks[0] is; expected each check once",
    ),
    ("rules: []\nseed: seven", f"2:7: key 'seed': is 'seven'; expected {SEED}"),
    ("rules: []\nseed: 0b1", f"2:7: key 'seed': is '0b1'; expected {SEED}"),
    ("rules: []\nseed: -1", f"2:7: key 'seed': is -1; expected {SEED}"),
    ("rules: []\nseed: 0x8000000000000000", f"2:7: key 'seed': is 9223372036854775808; expected {SEED}"),
    (f"rules: []\nseed: {'9' * 5000}", f"2:7: key 'seed': is '{'9' * 59}…; expected {SEED}"),
    ("rules: []\nname: ../calm", f"2:7: key 'name': is '../calm'; expected {NAMING}"),
    ('rules: []\nname: "calm\\n"', f"2:7: key 'name': is 'calm\\n'; expected {NAMING}"),
    (
        "rules: []\nclient: {deadline: 0}",
        "2:20: key 'client.deadline': is 0; expected a number above 0 and of at most 86400",
    ),
    (
        "rules: []\nclient: {deadline: .inf}",
        "2:20: key 'client.deadline': is inf; expected a number above 0 and of at most 86400",
    ),
    (
        "rules:\n  - fault: latency\n    with: {seconds: -1}",
        "3:21: key 'rules[0].with.seconds': is -1; expected a number from 0 to 86400",
    ),
    (
        "rules:\n  - fault: truncate\n    with: {fraction: 1.5}",
        "3:22: key 'rules[0].with.fraction': is 1.5; expected a number from 0 to 1",
    ),
    (
        "rules:\n  - fault: reset\n    with: {at: uplaod}",
        f"3:16: key 'rules[0].with.at': is 'uplaod'; expected one of {WHERE}; did you mean 'upload'?",
    ),
    (
        "rules:\n  - fault: latency\n    with: {min_seconds: 2, max_seconds: 1}",
        "3:11: key 'rules[0].with': min_seconds is 2; expected at most max_seconds, which is 1",
    ),
    (
        'rules:\n  - fault: latency\n    with: {percentiles: "90:1,50:2"}',
        "3:11: key 'rules[0].with': percentiles is '90:1,50:2'; expected rising pairs such as '50:0.05,90:0.2,99:1'",
    ),
    (
        "rules:\n  - fault: bandwidth\n    match: {lines: 3}",
        f"3:12: key 'rules[0].match': match has lines; {BY_HEAD}",
    ),
    (
        "rules:\n  - fault: tls\n    match: {endpoint: write}",
        "3:12: key 'rules[0].match': match has endpoint; expected nothing, as a handshake has no request yet",
    ),
    (
        "rules:\n  - fault: timeout\n    with: {seconds: -1}",
        "3:21: key 'rules[0].with.seconds': is -1; expected a number of at least 0 or null",
    ),
    (
        "rules:\n  - fault: timeout\n  - fault: stall",
        "3:12: key 'rules[1].fault': names the rule 'stall', as rules[0] is; expected a 'name' of its own for each",
    ),
    ("rules: []\nclient: {memory_mb: 0}", "2:21: key 'client.memory_mb': is 0; expected a whole number of at least 1"),
)


def said_of(act: Callable[[], Any]) -> str:
    """Give what a scenario error says."""
    with pytest.raises(ScenarioError) as caught:
        act()
    return str(caught.value)


@pytest.mark.parametrize(("text", "message"), BAD, ids=[f"{n:02}" for n in range(len(BAD))])
def test_bad_file_is_told_exactly(text: str, message: str) -> None:
    """What is wrong with a file is one line with file, place, key, value, expected and nearest."""
    assert f"bad.yaml:{message}" == said_of(lambda: parse(text, "bad.yaml"))


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    """The first problem by position is the message; the others are kept behind it."""
    text = "seed: x\nchecks: 1\nrules: 2\nrules: 3\n"

    with pytest.raises(ScenarioError) as caught:
        parse(text, "f")
    assert ["f:1:7", "f:2:9", "f:3:8", "f:4:1"] == [line.partition(": ")[0] for line in caught.value.problems]


def test_file_names_cannot_break_the_line() -> None:
    """A message is one line even when the file's name is not."""
    assert "a\\nb\\u2028c.yaml:1:1: is empty; expected a scenario, which has at least 'rules'" == said_of(
        lambda: parse("", "a\nb\u2028c.yaml")
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"rules: []\nabout: ab\xff", "2:10: byte 0xff is not UTF-8; expected a file in UTF-8"),
        (b"\xef\xbb\xbfabout: \xc3\xa9\xc3", "1:9: byte 0xc3 is not UTF-8; expected a file in UTF-8"),
        ("rules: []".encode("utf-16"), "1:1: byte 0xff is not UTF-8; expected a file in UTF-8"),
        (b"x" * (reading.SIZE + 1), "1:1: is larger than 1048576 bytes; expected a scenario of a few hundred"),
    ],
)
def test_bytes_that_are_no_text_are_told(data: bytes, message: str, tmp_path: Path) -> None:
    """A file that is too large or not UTF-8 is refused with the place of its first bad byte."""
    file = tmp_path / "bad.yaml"
    file.write_bytes(data)

    assert f"{file}:{message}" == said_of(lambda: load(str(file)))


def test_everything_in_a_file_is_read() -> None:
    """Each key of a file reaches the scenario."""
    wanted = Scenario(
        name="evening-peak",
        about="a sentence",
        profile="serverless",
        seed=7,
        rules=(
            Rule(
                faults.RateLimit(min_wait=1, max_wait=3),
                name="quota",
                match=Match(
                    endpoint="write",
                    attempt=Range(max=2),
                    lines=Range(3, 3),
                    header={"content-encoding": "gzip*"},
                ),
                when=When(probability=0.5, times=10, after=1, before=2.5),
                required=False,
            ),
            Rule(faults.TooLarge()),
        ),
        checks=("waits_as_told", "ends_well"),
        terms=Terms(deadline=60.0, memory_mb=1024),
        source="dir/x.yaml",
    )

    assert wanted == parse(GOOD, "dir/x.yaml")


def test_what_is_left_out_has_defaults() -> None:
    """Only rules have to be there; the name is the file's."""
    assert Scenario(name="short", source="some/short.yaml") == parse("rules: []", "some/short.yaml")


@pytest.mark.parametrize(
    ("file", "name"),
    [("a/my peak.yaml", "my-peak"), ("é.yaml", "scenario"), (f"{'x' * 99}.yml", "x" * 80), ("v1.2.yaml", "v1.2")],
)
def test_name_from_a_file_can_name_a_folder(file: str, name: str) -> None:
    """What cannot stand in a scenario's name is replaced when the name is taken from the file."""
    assert name == parse("rules: []", file).name


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("+5", 5),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("True", True),
        ("~", None),
        ("", None),
        ("''", ""),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("2026-01-01", "2026-01-01"),
        ("'1'", "1"),
        ("|\n  1\n", "1\n"),
    ],
)
def test_values_are_those_of_yaml_1_2(written: str, value: Any) -> None:
    """Plain scalars mean what the core schema of YAML 1.2 says, and quoted ones are text."""
    assert {"a": value} == reading.read(f"a: {written}").values


def test_aliases_are_written_out() -> None:
    """An alias stands for the value it names, at its own place."""
    document = reading.read("a: &x {b: 1}\nc: *x")

    assert ({"a": {"b": 1}, "c": {"b": 1}}, (2, 4)) == (document.values, document.places["c",])


def test_a_broken_library_is_no_bad_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of somebody else's that is missing is not blamed on an extra."""

    def fail(*_given: Any) -> Any:
        raise ModuleNotFoundError(name="elsewhere")

    monkeypatch.setattr("faultlab.scenarios.schema.problems", fail)

    with pytest.raises(ModuleNotFoundError):
        parse(GOOD, "x")


@pytest.mark.parametrize("module", ["ruamel.yaml", "jsonschema"])
def test_missing_library_names_the_extra(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its libraries reading says in one line what to install."""
    monkeypatch.setitem(sys.modules, module, None)

    assert f"reading a scenario needs {module}; install faultlab[cli]" == said_of(
        lambda: parse(GOOD, "x", known_checks=[module])
    )


def test_importing_needs_no_library() -> None:
    """Importing the module imports neither of the extras' libraries."""
    code = "import sys, faultlab.scenario; print({'ruamel.yaml', 'jsonschema'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()\n" == done.stdout


def test_unknown_name_is_told_the_nearest() -> None:
    """A name that is neither built in nor a file is told what there is."""
    listed = ", ".join(names())

    assert f"no scenario is named 'rate-limt'; expected a file, or one of {listed}; did you mean 'rate-limit'?" == (
        said_of(lambda: load("rate-limt"))
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/nowhere/calms.yml", "No such file or directory"),
        ("/", "Is a directory"),
        ("a/\0", "embedded null byte"),
    ],
)
def test_file_that_cannot_be_read_is_told(name: str, why: str) -> None:
    """A path that cannot be read is told why, what there is, and the nearest."""
    near = "; did you mean 'calm'?" if "calms" in name else ""
    shown = name.replace("\0", "\\x00")

    assert f"{shown}: cannot be read ({why}); expected a scenario file, or one of {', '.join(names())}{near}" == (
        said_of(lambda: load(name))
    )


@pytest.mark.parametrize(("name", "shown"), [("a\0", "'a\\x00'"), ("x" * 5000, f"'{'x' * 59}…"), ("", "''")])
def test_name_that_can_be_no_path_is_unknown(name: str, shown: str) -> None:
    """A name no file can have is unknown, not a crash."""
    assert f"no scenario is named {shown}; expected a file, or one of {', '.join(names())}" == (
        said_of(lambda: load(name))
    )


def test_files_are_found_by_path_and_by_being_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A built-in name is the built-in scenario whatever lies in the folder; any other name may be a file."""
    monkeypatch.chdir(tmp_path)
    for file in ("calm", "mine", "mine.yaml"):
        (tmp_path / file).write_text(f"rules: []\nabout: my {file}")

    assert ["my calm", "my mine", "my mine.yaml", load(names()[0]).about] == [
        load(name).about for name in ("./calm", "mine", "mine.yaml", "calm")
    ]


def test_checks_may_be_others() -> None:
    """Whoever has oracles of their own names them; then the built-in ones are unknown."""
    own = parse("rules: []\nchecks: [stays_calm]", "x", known_checks=["stays_calm"])
    refused = said_of(lambda: parse("rules: []\nchecks: [ends_well]", "x", known_checks=["stays_calm"]))

    assert (("stays_calm",), "x:2:10: key 'checks[0]': is 'ends_well'; expected one of stays_calm") == (
        own.checks,
        refused,
    )


def test_plan_takes_what_the_run_says() -> None:
    """A run's own seed and profile, zero included, go before the file's."""
    given = parse(GOOD, "x")

    assert [Plan(given.rules, 7, "serverless"), Plan(given.rules, 0, "tsm")] == [
        given.plan(),
        given.plan(seed=0, profile="tsm"),
    ]


def test_plan_refuses_a_profile_without_an_answer() -> None:
    """A profile that documents no answer for a fault raises when the plan is made."""
    with pytest.raises(KnobError, match="profile 'oss1' documents no 'rate_limit'"):
        parse(GOOD, "x").plan(profile="oss1")


@pytest.mark.parametrize("name", [*names(), "good"])
def test_scenarios_survive_json(name: str) -> None:
    """Writing a scenario as JSON and reading it back changes nothing, and what is written is itself a file."""
    given = parse(GOOD, "good.yaml") if name == "good" else load(name)
    values = json.loads(json.dumps(given.to_json()))
    file = {key: value for key, value in values.items() if key != "source"}

    assert (given, given) == (Scenario.from_json(values), parse(json.dumps(file), given.source))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "integer"}, "a whole number"),
        ({"type": "integer", "minimum": 2}, "a whole number of at least 2"),
        ({"type": "number", "maximum": 2.5}, "a number of at most 2.5"),
        ({"type": ["integer", "null"], "minimum": 2, "maximum": 9}, "a whole number from 2 to 9 or null"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number above 0"),
        ({"type": "string"}, "text"),
        ({"type": "boolean"}, "true or false"),
        ({"type": ["string", "null"], "enum": ["a", None]}, "one of a, null"),
        ({"type": "object"}, "a mapping"),
    ],
)
def test_what_is_expected_is_said_in_words(part: dict[str, Any], words: str) -> None:
    """Whatever knob a later fault has, its schema can be said in words."""
    assert words == expected(part)


def test_schema_is_valid() -> None:
    """The schema is one of draft 2020-12."""
    Draft202012Validator.check_schema(schema())

    assert "https://json-schema.org/draft/2020-12/schema" == schema()["$schema"]


def test_committed_schema_is_fresh() -> None:
    """The schema beside the built-in files is what the dataclasses say today.

    If this fails: python -m faultlab scenarios --schema > faultlab/scenarios/schema.json
    """
    assert json.dumps(schema(), indent=2) + "\n" == (FOLDER / "schema.json").read_text()


@pytest.mark.parametrize("name", names())
def test_schema_takes_each_built_in_file(name: str) -> None:
    """The committed schema, as an editor would apply it, finds nothing wrong with a built-in file."""
    values = reading.read((FOLDER / f"{name}.yaml").read_text()).values
    validator = Draft202012Validator(json.loads((FOLDER / "schema.json").read_text()))

    assert [] == [error.message for error in validator.iter_errors(values)]


def readable(text: str) -> bool:
    """Whether a text can be gone through, with every key once."""
    try:
        return not reading.read(text).problems
    except reading.TextError:
        return False


BEYOND = (
    *("expected rising", "expected conditions", "expected nothing", "expected at most", "expected less than"),
    *("of its own for each", "expected each check once", "has an answer"),
)
"""How messages say what a JSON Schema cannot."""

FINER = ("is nan;", "is 1.0;")
"""What this reader refuses and JSON Schema by itself takes: NaN, which no JSON has, and 1.0 for a whole number."""


@pytest.mark.parametrize(
    "text",
    [
        text
        for text, message in BAD
        if readable(text)
        and not any(word in message for word in FINER)
        and (" and of at most" in message or not any(word in message for word in BEYOND))
    ],
)
def test_schema_refuses_bad_files(text: str) -> None:
    """What is wrong with the shape of a file the committed schema refuses too, so an editor shows it."""
    validator = Draft202012Validator(json.loads((FOLDER / "schema.json").read_text()))

    assert not validator.is_valid(reading.read(text).values)


@dataclass(frozen=True)
class Sample:
    """Do a thing of one's own.

    Source: this test.
    """

    name: ClassVar[str] = "sample"
    level: int | None = knob(None, "how much", minimum=2, maximum=9)
    share: float = knob(0.5, "how many")
    kind: str = knob("a", "which", choices=("a", "b"))
    loud: bool = knob(False, "whether it is said")


def test_schema_comes_from_the_knobs() -> None:
    """A fault's schema has its docstring, and of each knob meaning, type, bounds, choices and default."""
    made = schema(faults=[Sample], profiles=["p"], checks=["c"])["$defs"]["with_sample"]

    assert {
        "description": "Do a thing of one's own.",
        "type": "object",
        "properties": {
            "level": {
                "description": "how much",
                "type": ["integer", "null"],
                "minimum": 2,
                "maximum": 9,
                "default": None,
            },
            "share": {"description": "how many", "type": "number", "default": 0.5},
            "kind": {"description": "which", "type": "string", "enum": ["a", "b"], "default": "a"},
            "loud": {"description": "whether it is said", "type": "boolean", "default": False},
        },
        "additionalProperties": False,
    } == made


VALUES: tuple[Any, ...] = (None, True, False, -1, 0, 1, 2, 201, 10**6, 1.0, 0.5, math.nan, "", "a", "1", "none", [], {})


def accepted(text: str) -> bool:
    """Whether a file is read."""
    try:
        parse(text, "x")
    except ScenarioError:
        return False
    return True


def suits(kind: type[Any], item: Any, value: Any) -> bool:
    """Whether a knob, and the fault with it, takes a value."""
    try:
        check_value(item, types_of(kind)[item.name], value)
        kind(**{item.name: value})
    except KnobError:
        return False
    return True


@pytest.mark.parametrize("kind", faults.ALL, ids=lambda kind: str(kind.name))
def test_schema_and_knobs_agree(kind: type[Any]) -> None:
    """The reader takes for each knob exactly the values that the knob itself takes."""
    differing = []
    for item in knobs(kind):
        for value in (*VALUES, *item.metadata["choices"]):
            rules = json.dumps([{"fault": kind.name, "with": {item.name: value}}]).replace("NaN", ".nan")
            # No profile documents every cause; one that documents this one is enough.
            profiles = [p.name for p in contract.ALL] if item.name == "cause" else ["serverless"]
            taken = any(accepted(f"profile: {profile}\nrules: {rules}") for profile in profiles)
            if taken != suits(kind, item, value):
                differing.append((item.name, value))

    assert [] == differing


PIECES = (
    *("\n", " ", "  ", "\t", ":", ": ", "-", "- ", "[", "]", "{", "}", ",", "#", "'", '"', "&a", "*a", "!", "|", ">"),
    *("?", "%", "@", "`", "\\", "\\U", "\\x", "---\n", "...\n", "%YAML 1.1\n", "<<: ", "!!int ", "~", "yes", ".nan"),
    *("-1", "1e999", "0x", "99999999999999999999", "\x00", "\x85", "\u2028", "\ufeff", "\ud800", "é", "𝄞", "null"),
)
EDITS = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(PIECES) | st.text(max_size=3)),
    min_size=1,
    max_size=6,
)


def only_one_line(read: Callable[[], Any]) -> bool:
    """Whether reading gives a scenario, or one short line that begins with a place."""
    try:
        return isinstance(read(), Scenario)
    except ScenarioError as problem:
        return all(
            re.match(r"\S+:[1-9]\d*:[1-9]\d*: \S", line) and len(line.splitlines()) == 1 and len(line) < 2000
            for line in problem.problems
        )


@settings(max_examples=300, deadline=None)
@given(edits=EDITS)
def test_edited_text_raises_nothing_else(edits: list[tuple[int, int, str]]) -> None:
    """Whatever is struck out of a good file and put into it, the answer is a scenario or one line."""
    text = GOOD
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]

    assert only_one_line(lambda: parse(text, "x.yaml"))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["write", "date"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the path of every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places_in(item, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_exchanged_values_raise_nothing_else(data: st.DataObject) -> None:
    """Whatever stands in place of a value of a good file, the answer is a scenario or one line."""
    values = reading.read(GOOD).values
    *where, last = data.draw(st.sampled_from(places_in(values)[1:]))
    at = values
    for key in where:
        at = at[key]
    at[last] = data.draw(JSON_VALUES)
    text = re.sub(r"-?\b(NaN|Infinity)\b", ".nan", json.dumps(values))

    assert only_one_line(lambda: parse(text, "x.yaml"))


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, len(GOOD)), piece=st.binary(min_size=1, max_size=4))
def test_any_bytes_raise_nothing_else(at: int, piece: bytes) -> None:
    """Whatever bytes are put into a good file, the answer is a scenario or one line."""
    data = GOOD.encode()
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(data[:at] + piece + data[at:])
        file.flush()

        assert only_one_line(lambda: load(file.name))


def test_listing_names_every_built_in_file() -> None:
    """Each file in the folder is listed once, and nothing else is."""
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(names())


@pytest.mark.parametrize("name", names())
def test_built_in_file_can_be_copied(name: str) -> None:
    """A built-in scenario names its schema first, says what it is about, asks something, and knows its file."""
    given = load(name)
    text = Path(given.source).read_text()

    assert ("# yaml-language-server: $schema=schema.json", name, True, True) == (
        text.partition("\n")[0],
        given.name,
        bool(given.about),
        bool(given.checks),
    )


@dataclass(frozen=True)
class Seen:
    """What a simulated client met: attempts and last status of each batch, rules that fired, seconds it took."""

    attempts: tuple[int, ...]
    statuses: tuple[int, ...]
    fired: dict[str, int]
    seconds: float


def simulate(plan: Plan, batches: int, retried: frozenset[int] = frozenset({429, 500, 502, 503, 504})) -> Seen:
    """Run a client that writes its batches of ten lines one after another, with up to five retries.

    It waits as told in whole seconds, 7.5 seconds where it is told nothing it can use, and nothing else takes time. A
    connection that is cut, refused or silent has status 0, and is made again over TLS where the plan needs that.
    """
    arbiter = Arbiter(plan)
    retried |= {0}
    at, seq = 0.0, 0
    attempts, statuses = [], []
    for batch in range(batches):
        body = Body("".join(f"m,b={batch} v=1 {line}\n" for line in range(10)).encode())
        status = tries = 0
        while tries < 6 and (tries == 0 or status in retried):
            seq, tries = seq + 1, tries + 1
            exchange = Exchange(seq, at, "POST", V2_WRITE, (("bucket", "b"),), body=body)
            now = 1_700_000_000 + at
            handshake = Exchange(seq, at, "TLS", "", version="TLS", nth=seq)
            decision = arbiter.decide_handshake(handshake, now) if arbiter.looks_at_handshakes else None
            if decision is None:
                head = arbiter.decide_head(exchange, now) if arbiter.looks_at_heads else None
                attempt = arbiter.attempt(exchange)
                decision = head or arbiter.decide(exchange, attempt, now)
            reply = decision.reply
            cut = isinstance(decision.intake, Handshake | Refused | Severed)
            silent = cut or isinstance(decision.ending, Closed | Never | Truncated)
            status = 0 if silent else reply.status if isinstance(reply, Answer) else 204
            told = reply.header("Retry-After") or "" if isinstance(reply, Answer) else ""
            if status in retried:
                at += int(told) if re.fullmatch("[0-9]{1,3}", told.strip(), re.ASCII) else 7.5
        attempts.append(tries)
        statuses.append(status)
    return Seen(tuple(attempts), tuple(statuses), arbiter.fired, at)


def unmet(plan: Plan, seen: Seen) -> list[str]:
    """Give the required rules that never fired."""
    return [rule.name for rule in plan.rules if rule.required and not seen.fired[rule.name]]


@pytest.mark.parametrize(
    "name",
    [
        *("rate-limit", "rate-limit-date", "rate-limit-hostile", "unavailable"),
        *("flaky-network", "slow", "outage", "lost-acknowledgements", "duplicated", "overload"),
    ],
)
def test_transient_failures_stop(name: str) -> None:
    """Whatever the seed, ten batches arrive at the latest at the third attempt, all rules fire, and time is left."""
    given = load(name)
    failing = []
    for seed in range(50):
        plan = given.plan(seed=seed)
        seen = simulate(plan, 10)
        if (
            max(seen.attempts) > 3
            or set(seen.statuses) != {204}
            or unmet(plan, seen)
            or seen.seconds > given.terms.deadline
        ):
            failing.append((seed, seen))

    assert [] == failing


@pytest.mark.parametrize("name", ["too-large", "partial-write", "malformed", "type-conflict", "auth"])
def test_permanent_failures_leave_something_alone(name: str) -> None:
    """A client that sends nothing again meets every rule within ten batches and still has half of them to deliver."""
    plan = load(name).plan()
    seen = simulate(plan, 10, frozenset())

    assert ([], True) == (unmet(plan, seen), seen.statuses[5:] == (204,) * 5)


@pytest.mark.parametrize("name", ["too-large", "malformed", "type-conflict"])
def test_insisting_is_refused_again(name: str) -> None:
    """A batch sent again unchanged is refused once more, and the failure stops after four refusals."""
    seen = simulate(load(name).plan(), 10, frozenset({400, 413}))

    assert ((3, 3, 1, 1), 4) == (seen.attempts[:4], sum(seen.fired.values()))


@pytest.mark.parametrize("name", [name for name in names() if name not in {"calm", "auth", "rate-limit-hostile"}])
def test_one_batch_is_put_to_the_test(name: str) -> None:
    """A client with a single batch meets every rule that is required."""
    plan = load(name).plan()

    assert [] == unmet(plan, simulate(plan, 1))


def test_hostile_forms_are_each_met_once() -> None:
    """Nine batches meet nine rules, the one that blocks last."""
    seen = simulate(load("rate-limit-hostile").plan(), 9)

    assert ({1}, "huge", (2,) * 9) == (set(seen.fired.values()), list(seen.fired)[-1], seen.attempts)


def test_long_wait_outlasts_usual_first_delays() -> None:
    """The first date is further away than the ten seconds that clients wait by themselves, the others are not."""
    opening, drawn = (rule.fault for rule in load("rate-limit-date").rules)

    assert (True, True) == (opening.min_wait > 10, drawn.max_wait < 10)  # type: ignore[attr-defined]


def test_fifty_batches_meet_everything() -> None:
    """The survey gives every documented answer of the usual write endpoint within fifty first attempts."""
    plan = load("everything-once").plan()
    seen = simulate(plan, 50)

    assert len(rows_at(contract.named("serverless"), V2_WRITE)) == seen.fired["catalogue"]


def documented() -> str:
    """Give the page on scenario files."""
    return DOCS.read_text()


def test_examples_of_the_page_are_scenarios() -> None:
    """The examples on the page are read as they stand, and the message it shows is what its misspelling is told."""
    page = documented()
    examples = [parse(text, "phases") for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    shown = re.findall(r"```text\nmine.yaml:\d+:\d+: (.*?)\n```", page, re.DOTALL)
    told = said_of(lambda: parse(f"{RULE}with: {{min_wiat: 1}}", "mine.yaml"))

    assert ["evening-peak", "phases"] == [example.name for example in examples]
    assert [told.partition(": ")[2]] == shown


def test_page_has_every_key() -> None:
    """Every key a file may have has a row or a phrase on the page."""
    made = schema()
    keys = {
        *made["properties"],
        *made["properties"]["client"]["properties"],
        *(key for part in ("rule", "match", "when") for key in made["$defs"][part]["properties"]),
        *names(),
    }

    assert set() == {key for key in keys if f"`{key}`" not in documented()}


@pytest.mark.parametrize(("alias", "name"), faults.ALIASES.items())
def test_names_of_toxiproxy_are_taken(alias: str, name: str) -> None:
    """A rule may name a fault as Toxiproxy does; it is the same rule."""
    text = "rules:\n  - fault: {}\n"

    assert parse(text.format(name), "a.yaml").rules == parse(text.format(alias), "a.yaml").rules
