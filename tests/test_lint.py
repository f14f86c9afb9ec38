"""``faultlab lint``: what the parser finds, in words and as JSON, for people and for programs."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab import cli, lineprotocol, lint
from faultlab.lineprotocol import DIALECTS, RefusedLine, parse
from tests.test_lineprotocol import BODIES, CASES, NAMES, body_of, precision_of

PACKAGE = Path(lineprotocol.__file__).parent
V3_UNITS = ("auto", "ns", "n", "nanosecond", "us", "u", "microsecond", "ms", "millisecond", "s", "second")
KIND = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*")
SAMPLE = b"""\
# made by hand
cpu,host=a usage=1.5 1
cpu,host= usage=1.5 2
cpu,host=b usage=2i,on=t,name="x y"
cpu,host=c usage=NaN 4
"""
SHOWN = """\
sample.lp:3: tag.empty-value: missing tag value
  Nothing stands after the equals sign of a tag. Leave the tag out where there is no value.
    cpu,host= usage=1.5 2
sample.lp:5: float.nan: invalid number
  Not a number, infinity and null cannot be written in line protocol, in any spelling. Leave the
  field out; a point needs one field at least.
    cpu,host=c usage=NaN 4
2 points accepted, 2 lines refused (influxdb2)
"""


def faultlab(*arguments: str | Path, given: bytes | None = None, **rest: Any) -> subprocess.CompletedProcess[bytes]:
    """Run ``faultlab lint`` to its end."""
    command = [sys.executable, "-m", "faultlab", "lint", *map(str, arguments)]
    source = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **source, **rest)


def linted(body: bytes, dialect: str, precision: str = "ns") -> lint.Lint:
    return lint.Lint(body, DIALECTS[dialect], precision)


def document(body: bytes, dialect: str, precision: str = "ns") -> dict[str, Any]:
    """Give the JSON of a body, read by a reader that takes nothing but what RFC 8259 allows."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    text = "".join(linted(body, dialect, precision).document())
    assert text.isascii()
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    # Half of a surrogate pair is the one text that JSON can spell and UTF-8 cannot.
    json.dumps(found, ensure_ascii=False).encode()
    return found


def kinds_in_source() -> set[str]:
    """Give each class that stands in the parser's code: dotted words, and the first words that flaws are made of."""
    found = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and KIND.fullmatch(str(node.value)):
                found.add(str(node.value))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Flaw":
                first = node.args[0]
                found |= {str(first.value)} if isinstance(first, ast.Constant) else set()
    return found


def kinds_seen() -> set[str]:
    """Give each class that any dialect gives to any of the measured bodies."""
    found = set()
    for case in CASES:
        for dialect in DIALECTS.values():
            unit = precision_of(case, dialect.name)
            if unit in dialect.precisions:
                found |= {line.kind for line in parse(body_of(case), dialect, precision=unit).refused}
    return found


def kinds_reserved() -> set[str]:
    """Give each class that a name a dialect reserves is refused with."""
    maps = [names for dialect in DIALECTS.values() for names in (dialect.reserved_tags, dialect.reserved_fields)]
    return {kind for names in maps for kind, _ in names.values()}


def test_every_class_is_explained() -> None:
    """Each class in the parser's code, or given to any measured body, has an explanation, and no other has one."""
    seen, source = kinds_seen() | kinds_reserved(), kinds_in_source()

    assert len(seen) > 30
    assert source == seen | source
    assert source == set(lint.WHY)


@pytest.mark.parametrize("kind", lint.WHY)
def test_an_explanation_is_more_than_a_name(kind: str) -> None:
    """It is plain sentences, in ASCII, and says something that the class does not."""
    words = re.findall(r"[a-z]+", lint.WHY[kind].lower())
    name = re.findall(r"[a-z]+", kind)

    assert (True, True) == (lint.WHY[kind].isascii(), lint.WHY[kind].endswith("."))
    assert len(set(words) - set(name)) >= 6


def test_says_where_what_and_why(tmp_path: Path) -> None:
    """Each refused line has its place, class, the server's words, the reason and its text; the sum comes last."""
    (tmp_path / "sample.lp").write_bytes(SAMPLE)
    done = faultlab("sample.lp", "--dialect", "influxdb2", cwd=tmp_path)

    assert (1, SHOWN, b"") == (done.returncode, done.stdout.decode(), done.stderr)


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_reads_standard_input(arguments: tuple[str, ...]) -> None:
    """Without a file, or with ``-``, it reads what it is piped, and places are told as ``-:LINE``."""
    done = faultlab(*arguments, given=b"m f=1\nbad\n")

    assert 1 == done.returncode
    assert done.stdout.startswith(b"-:2: structure.missing-fields: ")
    assert done.stdout.endswith(b"\n1 point accepted, 1 line refused (strict)\n")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_nothing_refused_is_status_0(arguments: tuple[str, ...]) -> None:
    """Points, comments and blank lines alone pass, and so does nothing at all."""
    given = (b"", b"# c\n\nm f=1\n")

    assert [0, 0] == [faultlab(*arguments, given=body).returncode for body in given]


def test_the_dialect_and_the_precision_decide() -> None:
    """The same line is taken by one server and refused by another, and in one unit and not in another."""
    asked = (("influxdb1",), ("influxdb2",), ("influxdb2", "--precision", "s"), ("victoriametrics",))
    done = [faultlab("--dialect", *words, given=b"m f=1u 1700000000000000000").returncode for words in asked]

    assert [1, 0, 1, 0] == done


def test_victoriametrics_reads_timestamps_by_size_unless_told() -> None:
    """Where no precision is given the dialect's own counts."""
    done = faultlab("--dialect", "victoriametrics", "--json", given=b"m f=1 1700000000")
    [point] = json.loads(done.stdout)["points"]

    assert 1700000000000000000 == point["timestamp"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--dialect", "influx2"),
            f"unknown dialect 'influx2'; did you mean 'influxdb2'?; known: {', '.join(DIALECTS)}",
        ),
        (
            ("--dialect", "influxdb3", "--precision", "seconds"),
            f"unknown precision 'seconds' for influxdb3; did you mean 'second'?; known: {', '.join(V3_UNITS)}",
        ),
        (
            ("--dialect", "influxdb1", "--precision", "us"),
            "unknown precision 'us' for influxdb1; did you mean 'u'?; known: n, ns, u, ms, s, m, h",
        ),
        (("missing.lp",), "missing.lp: No such file or directory"),
        (("folder",), "folder: Is a directory"),
        (("/proc/self/mem",), "/proc/self/mem: Input/output error"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """A name that does not exist is told with those that do, also where the server takes any; so is a bad file."""
    (tmp_path / "folder").mkdir()
    done = faultlab(*arguments, cwd=tmp_path)

    assert (2, b"", f"faultlab: {said}\n") == (done.returncode, done.stdout, done.stderr.decode())


def test_a_file_without_permission_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the system says about it is said; the test's user may be one whom nothing is forbidden."""

    def forbid(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbid)
    status = cli.run(["lint", "secret.lp"])

    assert (2, "faultlab: secret.lp: Permission denied\n") == (status, capsys.readouterr().err)


def test_a_closed_standard_input_is_one_line() -> None:
    """No traceback where there is nothing to read from."""
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m faultlab lint <&-"], capture_output=True, text=True, timeout=60, check=False
    )

    assert (2, "faultlab: -: Bad file descriptor\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("option", ["", "--json"])
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, option: str) -> None:
    """Piped into ``head`` it ends at once, says nothing, and its status tells of the refused lines."""
    (tmp_path / "bad.lp").write_bytes(b"a line that is none\n" * 20_000)
    script = f"{sys.executable} -m faultlab lint bad.lp {option} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (2, "1", "") == (done.stdout.count("\n"), done.stdout.split("\n")[-2], done.stderr)


def waits_for_more(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has read all it was piped and sleeps; a signal any earlier it would only see after a read."""
    assert process.stdin is not None
    unread = int.from_bytes(fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)), sys.byteorder)
    return unread == 0 and Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


def test_ctrl_c_is_one_line_and_status_130() -> None:
    """Interrupted while it reads, it has no traceback; the line begins below the terminal's own ``^C``."""
    command, pipe = [sys.executable, "-m", "faultlab", "lint"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"m f=1\n" * 100_000)
        process.stdin.flush()
        until = time.monotonic() + 60
        while time.monotonic() < until and not waits_for_more(process):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        said = process.stderr.read()

    assert (130, b"\nfaultlab: interrupted\n") == (process.returncode, said)


def terminal(environment: dict[str, str], path: Path) -> bytes:
    """Give what it prints where standard output is a terminal."""
    ours, its = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "faultlab", "lint", str(path)],
        stdout=its,
        stderr=subprocess.PIPE,
        env={**kept, "TERM": "xterm", **environment},
    )
    os.close(its)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # how a terminal says that nobody is left at its other end
            break
        if not part:
            break
        said += part
    os.close(ours)
    process.communicate(timeout=60)
    return said


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    """Class and sum are red on a terminal; with ``NO_COLOR``, and in a pipe, there is no escape sequence."""
    path = tmp_path / "bad.lp"
    path.write_bytes(b"bad\n")
    coloured, plain = terminal({}, path), terminal({"NO_COLOR": "1"}, path)

    assert b"\x1b[31mstructure.missing-fields\x1b[0m" in coloured
    assert b"\x1b[31m1 line refused\x1b[0m" in coloured
    assert (plain.replace(b"\r\n", b"\n"), False) == (faultlab(path).stdout, b"\x1b" in plain)


def test_what_is_shown_is_fit_for_a_terminal() -> None:
    """Control characters and bytes that are no UTF-8 are spelt, the rest stays, and what is long is cut."""
    expected = [
        (r"\x1b[31m\x0d\x0a\x00\x7f", b"\x1b[31m\r\n\x00\x7f"),
        (r"ż 😀 \u2028\u202e\u0085\ufeff\U000e0001", "ż 😀 \u2028\u202e\x85\ufeff\U000e0001".encode()),
        (r"a\,b\xff\xc3", b"a\\,b\xff\xc3"),
        ("x" * 20, b"x" * 20),
        ("x" * 20 + " ... (21 bytes in all)", b"x" * 21),
        (r"\x00\x00\x00\x00\x00 ... (9999 bytes in all)", bytes(9999)),
        ("é" * 20 + " ... (60 bytes in all)", "é".encode() * 30),
        ("😀" * 20 + " ... (84 bytes in all)", "😀".encode() * 21),
    ]
    longest = {text: 60 if len(data) < 40 and b"x" not in data else 20 for text, data in expected}

    assert [text for text, _ in expected] == [lint.shown(data, longest[text]) for text, data in expected]


def test_a_bad_line_of_any_length_is_shown_in_little() -> None:
    """Message and line are cut, in every dialect, also where the server repeats the whole line."""
    texts = ["".join(linted(b"m" * 500_000, name).text("f")) for name in DIALECTS]

    assert [] == [text for text in texts if len(text) > 1000]


def test_a_carriage_return_is_told_of() -> None:
    """A server that calls it a bad number leaves one guessing."""
    [line] = document(b"m f=1\r\nn f=1\n", "influxdb2")["refused"]
    [other] = document(b"m f=1\r\nn f=1\n", "influxdb3")["refused"]

    assert ("number.invalid", True) == (line["class"], line["reason"].endswith(f" {lint.CARRIAGE_RETURN}"))
    assert ("ws.crlf", lint.WHY["ws.crlf"]) == (other["class"], other["reason"])


def test_the_line_that_is_no_utf8_is_named() -> None:
    """The body is refused whole, and what is pointed at is the line with the first bad byte."""
    body = "m f=1\nm,a=ż f=1\nn f=1\n".encode() * 20_000 + b'm f="\xc5" 1\nm f=1\n'
    found = document(body, "influxdb3")
    [line] = found["refused"]

    assert (0, []) == (found["accepted"], found["points"])
    assert (60_001, "encoding.invalid-utf8", 'm f="\xc5" 1', "latin1") == (
        *(line[key] for key in ("line", "class", "text", "encoding")),
    )
    assert f"from index {len(body) - 11}" in line["message"]


def test_json_has_points_and_refused_lines() -> None:
    """Tags and fields are objects, a value has its type, and a point without a timestamp has null."""
    expected = {
        "accepted": 2,
        "points": [
            {
                "line": 2,
                "measurement": "cpu",
                "tags": {"host": "a"},
                "fields": {"usage": {"type": "float", "value": 1.5}},
                "timestamp": 1,
            },
            {
                "line": 4,
                "measurement": "cpu",
                "tags": {"host": "b"},
                "fields": {
                    "usage": {"type": "integer", "value": 2},
                    "on": {"type": "boolean", "value": True},
                    "name": {"type": "string", "value": "x y"},
                },
                "timestamp": None,
            },
        ],
        "refused": [
            {
                "line": 3,
                "class": "tag.empty-value",
                "message": "missing tag value",
                "reason": lint.WHY["tag.empty-value"],
                "text": "cpu,host= usage=1.5 2",
            },
            {
                "line": 5,
                "class": "float.nan",
                "message": "invalid number",
                "reason": lint.WHY["float.nan"],
                "text": "cpu,host=c usage=NaN 4",
            },
        ],
    }

    assert expected == document(SAMPLE, "influxdb2")
    assert expected == json.loads(faultlab("--dialect", "influxdb2", "--json", given=SAMPLE).stdout)


def test_json_has_every_digit() -> None:
    """Integers and timestamps are numbers with all their digits; a float that is not finite is a word."""
    body = b"m i=9223372036854775807i,u=18446744073709551615u,f=9007199254740993,p=1e309,n=-1e309 -9223372036854775808"
    [point] = document(body, "influxdb3")["points"]
    values = {key: field["value"] for key, field in point["fields"].items()}

    assert -9223372036854775808 == point["timestamp"]
    assert {
        "i": 9223372036854775807,
        "u": 18446744073709551615,
        "f": 9007199254740992.0,
        "p": "Infinity",
        "n": "-Infinity",
    } == values


def test_json_keeps_bytes_that_are_no_utf8() -> None:
    """An entry with such bytes has a character for each byte and says so; its neighbours are as always."""
    body = 'ż,k=\\ud800 f="😀" 1\n'.encode() + b'm\xff,\xfe=\xfd \xfc="\xfb\xc5\xbc" 2\nm\xff f= 3\nn\xc5\xbc f= 4\n'
    found = document(body, "influxdb1")
    plain, odd = found["points"]

    assert ("ż", {"k": "\\ud800"}, "😀", False) == (
        *(plain["measurement"], plain["tags"], plain["fields"]["f"]["value"], "encoding" in plain),
    )
    assert ("m\xff", {"\xfe": "\xfd"}, {"\xfc": {"type": "string", "value": "\xfb\xc5\xbc"}}, "latin1") == (
        *(odd[key] for key in ("measurement", "tags", "fields", "encoding")),
    )
    assert [("m\xff f= 3", "latin1"), ("nż f= 4", None)] == [
        (line["text"], line.get("encoding")) for line in found["refused"]
    ]


@given(BODIES, NAMES)
def test_json_is_strict_whatever_the_bytes(body: bytes, dialect: str) -> None:
    """Any bytes give a document that is JSON by the letter, and has each point and each refused line."""
    parsed = parse(body, dialect)
    found = document(body, dialect)

    assert len(parsed.points) == found["accepted"] == len(found["points"])
    assert [line.kind for line in parsed.refused] == [line["class"] for line in found["refused"]]


@given(st.lists(BODIES, max_size=5).map(b"\n".join), NAMES, st.sampled_from([1, 7, 20]))
def test_pieces_make_no_difference(body: bytes, dialect: str, size: int) -> None:
    """Cut into pieces, a body has the points and the refused lines that it has as a whole."""
    parsed = parse(body, dialect)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lint, "PIECE", size)
        found = document(body, dialect)
        printed = "\n".join(linted(body, dialect).text("-"))
    whole = [line.kind for line in parsed.refused] == ["encoding.invalid-utf8"]

    assert [point for point in map(lint.point_entry, parsed.points) if "\\ud" not in json.dumps(point)] == [
        point for point in found["points"] if "encoding" not in point
    ]
    assert whole or [line.line for line in parsed.refused] == [line["line"] for line in found["refused"]]
    assert whole or printed == "\n".join([*_paragraphs(parsed.refused), printed.rpartition("\n")[2]])


def _paragraphs(lines: tuple[RefusedLine, ...]) -> list[str]:
    return [lint.paragraph("-", line) for line in lines]


def test_memory_does_not_grow_with_what_is_found() -> None:
    """Two million points, or refused lines, fit into an address space of which most is Python's own."""
    script = f"ulimit -v 200000; exec {sys.executable} -m faultlab lint --dialect influxdb2"
    done = [
        subprocess.run(["sh", "-c", script], input=body, capture_output=True, timeout=120, check=False)
        for body in (b"m f=1\n" * 1_500_000, b"x\n" * 200_000)
    ]

    assert [(0, b""), (1, b"")] == [(one.returncode, one.stderr) for one in done]
    assert b"1500000 points accepted, 0 lines refused (influxdb2)\n" == done[0].stdout
