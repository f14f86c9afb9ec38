"""Writes the pages of docs/reference/ from the code, so that they say what is there.

python docs/generate.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faultlab import contract, faults, gate, oracles, scenario
from faultlab.contract import Profile, Row
from faultlab.faults.knob import Stage, stage_of
from faultlab.verdict import Oracle

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/generate.py: what is changed here is lost. -->"
KEYS = ("key", "value", "meaning", "if not given")
NO_LINE_FEED = r"(?!\n)"
SEVERAL = 6
"""Keys of one shape beyond which one line stands for all of them."""


def pages() -> Mapping[str, str]:
    """Give each page's text by its file name."""
    made = {
        "scenario-file.md": scenario_file(),
        "gate-file.md": gate_file(),
        "faults.md": fault_catalogue(),
        "answers.md": answers(),
        "oracles.md": oracle_catalogue(),
    }
    return {name: "\n".join((MADE, "", *lines)).rstrip("\n") + "\n" for name, lines in made.items()}


def scenario_file() -> Iterator[str]:
    """Yield the page of all keys of a scenario file."""
    whole = scenario.schema()
    parts = whole["$defs"]
    yield from heading("Scenario file: every key", level=1)
    yield from paragraph(
        "How a scenario is written, and what makes one fair, is [a page of its own](../scenarios.md). This one lists"
        " every key, as `faultlab scenarios --schema` has them for an editor."
    )
    yield from heading("The file")
    yield from table(KEYS, keys(whole))
    yield from heading("A rule")
    yield from paragraph("An item of `rules`. What `with` takes are the knobs of the [fault](faults.md).")
    yield from table(KEYS, keys(parts["rule"]))
    for name in ("match", "when"):
        yield from heading(name)
        yield from paragraph(f"{parts[name]['description'].capitalize()}.")
        yield from table(KEYS, keys(parts[name]))


def gate_file() -> Iterator[str]:
    """Yield the page of all keys of a gate file."""
    yield from heading("Gate file: every key", level=1)
    yield from paragraph(
        "What a gate is for, and what comes of one, is [a page of its own](../gate.md). This one lists every key, as"
        " `faultlab gate --schema` has them for an editor."
    )
    yield from table(KEYS, keys(gate.schema()))


def fault_catalogue() -> Iterator[str]:
    """Yield the page of all faults, in the order of ``faultlab faults``."""
    yield from heading("Faults", level=1)
    yield from paragraph(
        "What can be done to an exchange: the name is that of a scenario's `fault`, the knobs are its `with`. What each"
        " documented answer says, and where it is documented, is listed [by profile](answers.md);"
        " `faultlab faults NAME --profile P` prints it to the byte. A fault of transport is no answer of InfluxDB, so"
        " every profile has it: [what a client sees of it](../transport.md)."
    )
    for kind in faults.ALL:
        yield from heading(kind.name)
        yield from about_fault(kind)


def about_fault(kind: type[Any]) -> Iterator[str]:
    """Yield what a fault says of itself, when it is decided, its knobs, and who documents it."""
    for text in (inspect.getdoc(kind) or "").split("\n\n"):
        yield from paragraph(coded(text))
    aliases = [alias for alias, name in faults.ALIASES.items() if name == kind.name]
    facts = [f"Toxiproxy's name for it, `{alias}`, is taken too." for alias in aliases]
    match stage_of(kind):
        case Stage.HANDSHAKE:
            facts.append("It is decided at the TLS handshake, so its rule takes no `match`.")
        case Stage.HEAD:
            facts.append("It is decided before the body is read.")
        case Stage.WHOLE:
            pass
    if facts:
        yield from paragraph(" ".join(facts))
    having = [(profile, rows) for profile in contract.ALL if (rows := documented(kind, profile))]
    if having:
        yield from table(("profile", "documented answers"), [(f"`{one.name}`", linked(rows)) for one, rows in having])
    knobs = keys(scenario.schema()["$defs"][f"with_{kind.name}"])
    if knobs:
        yield from table(("knob", *KEYS[1:]), knobs)


def documented(kind: type[Any], profile: Profile) -> Sequence[Row]:
    """Give the answers a fault can give under a profile."""
    cause = getattr(kind, "cause", None)
    family = faults.family_of(kind)
    return [row for row in profile.of(family) if not isinstance(cause, str) or row.cause == cause]


def linked(rows: Sequence[Row]) -> str:
    """Give the identities of rows, each once."""
    return ", ".join(f"`{name}`" for name in dict.fromkeys(row.id for row in rows))


def answers() -> Iterator[str]:
    """Yield the page of the contract: every documented answer of every profile, with its source."""
    yield from heading("Documented answers by profile", level=1)
    yield from paragraph(
        "Each row is one answer that a product documents or was seen to give. Its name is fault, cause and status."
        " *Stored* is what upstream keeps of the request: all, part, none or unknown. *Again* is whether the documents"
        " say to send the same request again. A star marks what the Cloud Serverless response-code page does not have."
        " `faultlab faults NAME --profile P` prints the bytes."
    )
    for profile in contract.ALL:
        yield from heading(profile.name)
        yield from paragraph(f"{profile.product}.")
        yield from table(("answer", "at", "when", "stored", "again", "source"), [answer(row) for row in profile.rows])


def answer(row: Row) -> tuple[str, ...]:
    """Give the cells of one documented answer."""
    at = ", ".join(f"`{path}`" for path in row.endpoints) or "every endpoint"
    star = "" if row.on_page else " \\*"
    return f"`{row.id}`{star}", at, plain(row.when), str(row.stored), str(row.retry), plain(str(row.source))


def oracle_catalogue() -> Iterator[str]:
    """Yield the page of all oracles, in report order."""
    yield from heading("Oracles", level=1)
    yield from paragraph(
        "The questions that are put to every history, in the order of a report. A name is a sentence that is true of a"
        " good client. A broken `must` fails the run; a broken `should` fails it only with `--strict`. How to read what"
        " they say is [a page of its own](../verdicts.md); `faultlab oracles NAME` prints the same as this page."
    )
    yield from table(
        ("oracle", "level", "true of a good client"),
        [(f"[`{one.name}`](#{one.name})", str(one.level), plain(one.about)) for one in oracles.ALL],
    )
    for one in oracles.ALL:
        yield from about_oracle(one)


def about_oracle(one: Oracle) -> Iterator[str]:
    """Yield all that an oracle says of itself."""
    yield from heading(one.name)
    yield from paragraph(f"{plain(one.about)}. Level: {one.level}.")
    for text in one.explained:
        head, colon, rest = text.partition(": ")
        yield from paragraph(f"**{head}:** {coded(rest)}" if colon else coded(text))
    yield from paragraph(f"**Source:** {plain(one.source)}.")


def keys(schema: Mapping[str, Any], before: str = "") -> list[tuple[str, str, str, str]]:
    """Give a row for each key of an object's schema, and of the objects in it: key, value, meaning, default."""
    found = []
    properties = schema.get("properties", {})
    shapes = {str(shape) for shape in properties.values()}
    if len(properties) > SEVERAL and len(shapes) == 1:
        properties = {"ORACLE": next(iter(properties.values()))}
    for name, shape in properties.items():
        path = f"{before}{name}"
        required = name in schema.get("required", ())
        default = "has to be there" if required else shown(shape["default"]) if "default" in shape else "—"
        found.append((f"`{path}`", value(shape), plain(shape.get("description", "")), default))
        inner = shape.get("items", {}) if "array" in types(shape) else shape
        if inner.get("properties") and not is_range(inner):
            found += keys(inner, f"{path}[]." if inner is not shape else f"{path}.")
    return found


def types(shape: Mapping[str, Any]) -> list[str]:
    """Give the JSON types a shape allows."""
    given = shape.get("type", "object")
    return [given] if isinstance(given, str) else list(given)


def is_range(shape: Mapping[str, Any]) -> bool:
    """Whether a shape is a number, or its least and greatest."""
    return {"min", "max"} == set(shape.get("properties", ()))


def value(shape: Mapping[str, Any]) -> str:
    """Say what a shape takes."""
    if "$ref" in shape:
        return "a mapping"
    if "enum" in shape:
        return choice(shape["enum"])
    return ", or ".join(spelt(kind, shape) for kind in types(shape))


def choice(names: Sequence[Any]) -> str:
    """Say that one of some values is meant."""
    known = {
        "an [oracle](oracles.md)": [one.name for one in oracles.ALL],
        "a [fault](faults.md)": [one.name for one in faults.ALL],
    }
    for said, every in known.items():
        if set(every) <= set(names):
            return said
    return "one of " + ", ".join(shown(name) for name in names)


def spelt(kind: str, shape: Mapping[str, Any]) -> str:
    """Say what one JSON type is under a shape."""
    match kind:
        case "integer":
            return f"whole number{bounds(shape)}"
        case "number":
            return f"number{bounds(shape)}"
        case "string":
            return f"text{pattern(shape)}"
        case "boolean":
            return "`true` or `false`"
        case "null":
            return "nothing"
        case "array":
            item = shape["items"]
            return "list" if "$ref" in item else f"list; an item is {value(item)}"
        case _:
            return "`{min: …, max: …}`, one of them or both" if is_range(shape) else "a mapping"


def bounds(shape: Mapping[str, Any]) -> str:
    """Say between what a number may be."""
    said = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    return "".join(f" {word} {shape[name]}" for name, word in said.items() if name in shape)


def pattern(shape: Mapping[str, Any]) -> str:
    """Say how long a text may be, and what it has to look like."""
    parts = []
    if "maxLength" in shape:
        parts.append(f", at most {shape['maxLength']} characters")
    if "pattern" in shape:
        parts.append(f" like `{shape['pattern'].removesuffix(NO_LINE_FEED).strip('^$')}`")
    return "".join(parts)


def shown(given: Any) -> str:
    """Give a value as a file has it."""
    if given is None:
        return "`null`"
    if isinstance(given, float):
        return f"`{given:g}`"
    if isinstance(given, list):
        return ", ".join(map(shown, given)) or "none"
    return f"`{str(given).lower() if isinstance(given, bool) else given}`"


def plain(text: str) -> str:
    """Give text that says in Markdown what it says, on one line; blanks at its ends stay."""
    for mark in "\\*<|`":
        text = text.replace(mark, f"\\{mark}")
    return re.sub(r"\s+", " ", text)


def coded(text: str) -> str:
    """Give a paragraph of a docstring, in which two backquotes enclose code."""
    parts = enumerate(text.split("``"))
    return "".join(f"`{part}`" if number % 2 else plain(part) for number, part in parts)


def heading(title: str, level: int = 2) -> Iterator[str]:
    """Yield a heading."""
    yield from (f"{'#' * level} {title}", "")


def paragraph(text: str) -> Iterator[str]:
    """Yield a paragraph."""
    yield from (text, "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table."""
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
