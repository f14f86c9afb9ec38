"use strict";

// The exchanges that the filter lets through, a page of them at a time, and what is known of the one that is open.
faultlab.table = (() => {
  const { bySeq, oracles, VERDICTS, told, seconds, short, element } = faultlab;
  const PAGE = 50;
  const COLUMNS = 10;
  const body = document.querySelector("#table tbody");
  const [previous, next, where] = ["previous", "next", "page"].map(id => document.getElementById(id));
  const listeners = { open: [], batch: [] };
  let list = [];
  let page = 0;
  let opened = null;

  const judged = one => one.worst === null ? "" : `${["✓", "?", "✗"][one.worst]} ${VERDICTS[one.worst]}`;

  // What a Retry-After says, or what stands there where it says nothing that binds.
  const waiting = one => one.wait !== null ? seconds(one.wait) : one.retryAfter;

  // What oracles say of each exchange, as far as the page has it in words.
  const sentences = new Map();
  for (const item of document.querySelectorAll("li.judged[data-exchange]")) {
    const key = `${item.dataset.exchange} ${item.closest("details").id} ${item.dataset.verdict}`;
    sentences.set(key, [...sentences.get(key) ?? [], item.querySelector(".what").textContent]);
  }

  function row(one) {
    const button = element("button", { type: "button", "aria-expanded": String(one === opened), "data-exchange": one.seq }, String(one.seq));
    const made = element("tr", { id: `exchange-${one.seq}` }, element("th", { scope: "row" }, button));
    if (one === opened) made.classList.add("chosen");
    const cells = [
      `${one.at.toFixed(2)} s`, `${short(one.batch)}, attempt ${one.attempt}`, one.endpoint, one.fault, told(one), one.effect,
      waiting(one), seconds(one.delay), judged(one),
    ];
    made.append(...cells.map(text => element("td", {}, text)));
    return made;
  }

  function details(one) {
    const list = element("dl");
    const say = (name, ...value) => {
      if (value.some(Boolean)) list.append(element("dt", {}, name), element("dd", {}, ...value));
    };
    const quoted = (name, text) => text && element("pre", { tabindex: 0, role: "region", "aria-label": name }, text);
    const link = seq => bySeq.has(seq) ? element("a", { href: `#exchange-${seq}` }, `exchange ${seq}`) : `exchange ${seq} (left out)`;
    const whole = element("button", { type: "button", "data-batch": one.batch }, "Show only this batch");
    say("judged", one.judged.length && verdicts(one));
    say("batch", `${one.batch}, attempt ${one.attempt} `, whole);
    say("request", `${one.endpoint}${one.query && `?${one.query}`}, ${one.size} bytes`);
    say("rule", one.rule);
    say("decision", one.decision);
    say("upstream", [one.upstream !== null && `answered ${one.upstream}`, one.effect && `stored ${one.effect}`].filter(Boolean).join(", "));
    say("ended", one.end === null ? "not known" : `${one.ended.replaceAll("_", " ")} at ${one.end} s, after ${seconds(one.end - one.at)}`);
    say("told to wait", waiting(one));
    if (one.again !== null) say("sent again", `after ${seconds(one.delay)} by `, link(one.again));
    say("body problem", one.problem);
    say("request headers", quoted("Request headers", one.request));
    say("request body", quoted("Request body", one.body));
    say("reply headers", quoted("Reply headers", one.reply));
    say("reply body", quoted("Reply body", one.replyBody));
    return element("tr", { class: "detail" }, element("td", { colspan: COLUMNS }, list));
  }

  function verdicts(one) {
    const worstFirst = [...one.judged].sort((some, other) => other[1] - some[1]);
    return element("ul", {}, ...worstFirst.map(([oracle, verdict, count]) => {
      const said = sentences.get(`${one.seq} oracle-${oracle} ${VERDICTS[verdict]}`) ?? [];
      return element("li", {}, `${VERDICTS[verdict]}${count > 1 ? ` × ${count}` : ""}: `,
        element("a", { href: `#oracle-${oracle}` }, oracles[oracle]), said.length ? `: ${said.join("; ")}` : "");
    }));
  }

  function render() {
    const pages = Math.max(1, Math.ceil(list.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const shown = list.slice(page * PAGE, (page + 1) * PAGE);
    body.replaceChildren(...shown.flatMap(one => one === opened ? [row(one), details(one)] : [row(one)]));
    where.textContent = `page ${page + 1} of ${pages}`;
    previous.disabled = page === 0;
    next.disabled = page === pages - 1;
  }

  function turn(by) {
    page += by;
    render();
    // A button that has just been disabled loses the focus to nowhere.
    if (document.activeElement === document.body) (by > 0 ? previous : next).focus();
  }

  previous.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));
  body.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.batch !== undefined) listeners.batch.forEach(listener => listener(button.dataset.batch));
    else {
      const one = bySeq.get(Number(button.dataset.exchange));
      listeners.open.forEach(listener => listener(one === opened ? null : one));
    }
  });

  return {
    filter(found) { list = found; page = 0; render(); },
    // Open one exchange, or none; false if it is not in the list.
    open(one) {
      const place = one ? list.indexOf(one) : -1;
      if (one && place < 0) return false;
      const before = opened ?? one;
      opened = one;
      if (one) page = Math.floor(place / PAGE);
      render();
      const button = before && document.querySelector(`#exchange-${(one ?? before).seq} button`);
      button?.focus({ preventScroll: true });
      if (one) document.getElementById(`exchange-${one.seq}`).scrollIntoView({ block: "center" });
      return true;
    },
    onOpen(listener) { listeners.open.push(listener); },
    onBatch(listener) { listeners.batch.push(listener); },
  };
})();
