"""A matrix as Markdown and as one self-contained page."""

from __future__ import annotations

from faultlab.matrix.table import Entry, Table, notes

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not applicable": "–", "not run": "…"}
LEGEND = ", ".join(f"{mark} {word}" for word, mark in MARKS.items())


def markdown(table: Table) -> str:
    """Give the table with a mark a cell, and below it each cell that is no pass, with what makes the same run again."""
    seeds = len({seed for _, seed in table.columns}) > 1
    heads = [f"{scenario}[{seed}]" if seeds else scenario for scenario, seed in table.columns]
    rows = [
        f"| {client} {table.versions.get(client, '')} | "
        + " | ".join(MARKS[table.at(client, column).verdict] for column in table.columns)
        + " |"
        for client in table.clients
    ]
    found = [_of_entry(one) for one in table.entries if one.is_no_pass]
    lines = [
        "# Clients and scenarios",
        "",
        f"| client | {' | '.join(heads)} |",
        f"| --- |{' --- |' * len(heads)}",
        *rows,
        "",
        LEGEND,
        "",
        *(f"{one[0].upper()}{one[1:]}.\n" for one in notes(table)),
        *found,
    ]
    return "\n".join(lines)


def _of_entry(one: Entry) -> str:
    # What a client or a point says must neither end the code it stands in nor begin anything.
    said = one.finding.replace("`", "'").replace("\n", " ")
    return f"- {MARKS[one.verdict]} **{one.name}**: `{said}`\n\n      {one.again}\n"


TEMPLATE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>faultlab: clients and scenarios</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #8888; padding: .25rem .5rem; text-align: center; }
th[scope=row] { text-align: left; white-space: nowrap; }
thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
thead th:first-child { writing-mode: initial; transform: none; }
.fail { background: #d9303033; } .inconclusive { background: #d9a03033; } .pass { background: #30a05026; }
td a { display: block; color: inherit; }
code { overflow-wrap: anywhere; }
</style>
<h1>Clients and scenarios</h1>
<p>{{ legend }}. The clients ran {{ "%.0f"|format(table.waited) }} s in all, the matrix took
{{ "%.0f"|format(table.wall) }} s.</p>
{% for note in notes %}<p>{{ note }}</p>
{% endfor %}
<div class="wide" tabindex="0" role="region" aria-label="Table">
<table>
<thead><tr><th scope="col">client</th>
{% for scenario, seed in table.columns %}<th scope="col">{{ scenario }} {{ seed }}</th>{% endfor %}</tr></thead>
{% for client in table.clients %}
<tr><th scope="row">{{ client }} {{ table.versions.get(client, "") }}</th>
{% for column in table.columns %}{% set one = table.at(client, column) %}
<td class="{{ one.verdict.partition(' ')[0] }}" title="{{ one.finding or one.verdict }}">
{% if one.is_no_pass %}
<a href="#{{ loop.index }}-{{ client }}" aria-label="{{ one.verdict }}">{{ marks[one.verdict] }}</a>
{% else %}<span role="img" aria-label="{{ one.verdict }}">{{ marks[one.verdict] }}</span>{% endif %}</td>
{% endfor %}</tr>
{% endfor %}
</table>
</div>
{% for client in table.clients %}
{% for column in table.columns %}{% set one = table.at(client, column) %}
{% if one.is_no_pass %}
<section id="{{ loop.index }}-{{ client }}">
<h2>{{ marks[one.verdict] }} {{ one.name }}</h2>
<p>{{ one.finding }}</p>
{% if one.failed %}<p>failed: {{ one.failed|join(", ") }}</p>{% endif %}
<p><code>{{ one.again }}</code></p>
{% if one.history %}<p><a href="{{ one.history }}/report.html">what happened</a></p>{% endif %}
</section>
{% endif %}
{% endfor %}
{% endfor %}
</html>
"""


def html(table: Table) -> str:
    """Give the page; it links to each cell's own, ``report.html`` in its history's folder.

    Raises ModuleNotFoundError without jinja2, of the extra ``html``.
    """
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - an extra

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(TEMPLATE)
    return template.render(table=table, marks=MARKS, legend=LEGEND, notes=list(notes(table)))


__all__ = ["html", "markdown"]
