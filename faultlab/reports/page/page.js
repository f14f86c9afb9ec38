"use strict";

// The filter, links to exchanges, colours, and the button that copies.
(() => {
  const { exchanges, bySeq, VERDICTS, told, timeline, table } = faultlab;
  const at = id => document.getElementById(id);
  const form = at("filter");
  const [text, status, fault, endpoint, verdict, batch, found] =
    ["text", "status", "fault", "endpoint", "verdict-filter", "batch", "found"].map(at);
  const NONE = "\u0000none";

  function offer(select, values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    const ranked = [...counts].sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true })).slice(0, 200);
    for (const [value, count] of ranked) {
      if (value) select.append(new Option(`${value} (${count})`, value));
      else select.append(new Option(`none (${count})`, NONE));
    }
  }

  offer(status, exchanges.map(told));
  offer(fault, exchanges.map(one => one.fault));
  offer(endpoint, exchanges.map(one => one.endpoint));
  offer(verdict, exchanges.map(one => one.worst === null ? "" : VERDICTS[one.worst]));

  function haystack(one) {
    one.hay ??= [one.seq, one.endpoint, one.query, one.rule, one.fault, one.batch, told(one), one.decision, one.problem,
      one.request, one.body, one.reply, one.replyBody].join("\n").toLowerCase();
    return one.hay;
  }

  const same = (select, value) => !select.value || (select.value === NONE ? value === "" : select.value === value);

  function matches(one) {
    return same(status, told(one)) && same(fault, one.fault) && same(endpoint, one.endpoint)
      && same(verdict, one.worst === null ? "" : VERDICTS[one.worst])
      && one.batch.startsWith(batch.value.trim())
      && (!text.value || haystack(one).includes(text.value.toLowerCase()));
  }

  function filter() {
    const some = exchanges.filter(matches);
    table.filter(some);
    timeline.filter(new Set(some));
    const all = exchanges.length.toLocaleString("en");
    found.textContent = some.length === exchanges.length ? `${all} exchanges` : `${some.length.toLocaleString("en")} of ${all} exchanges`;
    document.documentElement.dataset.filtered = some.length;
  }

  // Not reset(), whose event comes before the values have changed.
  function clear() {
    for (const control of [text, status, fault, endpoint, verdict, batch]) control.value = "";
    filter();
  }

  // Have an exchange open, in the table and on the timeline; one that the filter hides is shown all the same.
  function open(one) {
    if (!table.open(one)) {
      clear();
      table.open(one);
    }
    timeline.choose(one);
  }

  function follow() {
    const wanted = /^#exchange-(\d+)$/.exec(location.hash);
    if (wanted && bySeq.has(Number(wanted[1]))) open(bySeq.get(Number(wanted[1])));
    const oracle = /^#oracle-\d+$/.test(location.hash) && at(location.hash.slice(1));
    if (oracle) {
      oracle.open = true;
      oracle.querySelector("summary").focus();
    }
  }

  function go(one) {
    const hash = one ? `#exchange-${one.seq}` : "";
    if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname + location.search);
    open(one);
  }

  form.addEventListener("input", filter);
  form.addEventListener("reset", event => {
    event.preventDefault();
    clear();
  });
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", follow);
  // A link to the exchange that is open already changes no address.
  document.addEventListener("click", event => {
    const link = event.target.closest?.('a[href^="#exchange-"], a[href^="#oracle-"]');
    if (link && link.hash === location.hash) follow();
  });
  timeline.onOpen(go);
  table.onOpen(go);
  table.onBatch(name => {
    clear();
    batch.value = name;
    filter();
    batch.focus();
  });

  const theme = at("theme");
  // Some browsers keep nothing for a file.
  const kept = act => { try { return act(localStorage); } catch { return null; } };
  function recolour() {
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
    timeline.recolour();
  }
  theme.value = kept(store => store.getItem("faultlab-theme")) ?? "";
  theme.addEventListener("change", () => {
    kept(store => store.setItem("faultlab-theme", theme.value));
    recolour();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  if (theme.value) recolour();

  at("copy").addEventListener("click", async () => {
    const command = at("command");
    try {
      await navigator.clipboard.writeText(command.textContent);
      at("copied").textContent = "copied";
    } catch {
      getSelection().selectAllChildren(command);
      at("copied").textContent = document.execCommand("copy") ? "copied" : "selected; copy it with the keyboard";
    }
  });

  filter();
  // Not before: a browser that has loaded a page takes the focus to what its address names.
  addEventListener("load", () => {
    follow();
    document.documentElement.dataset.ready = "true";
  });
})();
