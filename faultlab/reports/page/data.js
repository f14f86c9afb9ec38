"use strict";

// The run's exchanges as objects, and the small things that the other scripts share.
const faultlab = (() => {
  const { columns, rows, texts, oracles, rules } = JSON.parse(document.getElementById("data").textContent);
  const NUMBERED = new Set(["batch", "method", "path", "query", "rule", "fault", "kind", "effect", "ended", "decision",
    "request", "body", "reply", "replyBody", "problem", "retryAfter"]);
  const VERDICTS = ["pass", "inconclusive", "fail"];

  const exchanges = rows.map(row => {
    const one = {};
    columns.forEach((name, place) => { one[name] = NUMBERED.has(name) ? texts[row[place]] : row[place]; });
    one.endpoint = `${one.method} ${one.path}`;
    return one;
  });
  const bySeq = new Map(exchanges.map(one => [one.seq, one]));

  // What the client was told, as the filter offers it and the table says it.
  function told(one) {
    if (one.kind === "open") return "no end known";
    if (one.kind === "dropped") return `no whole reply (${one.ended.replaceAll("_", " ")})`;
    return String(one.status);
  }

  function seconds(value) {
    if (value === null) return "";
    return Math.abs(value) < 1 ? `${Math.round(value * 1000)} ms` : `${+value.toFixed(value < 100 ? 2 : 0)} s`;
  }

  const short = batch => batch.slice(0, 8);

  function sentence(one) {
    const parts = [`exchange ${one.seq} at ${seconds(one.at)}, batch ${short(one.batch)} attempt ${one.attempt}: ${told(one)}`];
    if (one.fault) parts.push(`fault ${one.fault}`);
    if (one.wait !== null) parts.push(`told to wait ${seconds(one.wait)}`);
    else if (one.retryAfter) parts.push(`Retry-After ${one.retryAfter}`);
    if (one.delay !== null) parts.push(`sent again after ${seconds(one.delay)}`);
    if (one.worst !== null) parts.push(`judged ${VERDICTS[one.worst]}`);
    return parts.join(", ");
  }

  // An element with its attributes and children; text is text, whatever it says.
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  return { exchanges, bySeq, oracles, rules, VERDICTS, told, seconds, short, sentence, element };
})();
