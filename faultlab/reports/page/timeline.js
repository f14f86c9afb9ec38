"use strict";

// Attempts by batch and time, drawn on a canvas by uPlot, which has the axes, the scales and the cursor.
faultlab.timeline = (() => {
  const { exchanges, rules, short, sentence } = faultlab;
  const REACH = 14;          // pixels from a mark within which it is meant
  const LEAST = { x: 0.01, y: 3 };
  const box = document.getElementById("chart");
  const about = document.getElementById("legend-about");
  const chosenLine = document.getElementById("chosen");
  const listeners = [];
  const ALONE = 120;         // batches that have rows of their own
  const ROOMY = 150;         // batches that follow one another in a row that is shared
  let labels = new Map();    // by row
  let ruled = 0;             // the first row of a batch
  let placed = [];           // {one, row, faint}, in order of time
  let fired = [];            // {one, row}
  let full = { x: [0, 1], y: [-0.5, 0.5] };
  let spots = new Float32Array(0);
  let chosen = null;
  let colours = {};

  function readColours() {
    const kinds = ["stored", "redirected", "refused", "limited", "failed", "dropped", "open", "ring", "wait", "again"];
    const of = selector => getComputedStyle(document.querySelector(selector));
    colours = Object.fromEntries(kinds.map(kind => [kind, of(`#legend .${kind} svg`).color]));
    colours.band = of("#legend .wait .band").fill;
    colours.axis = of("#chart-keys").color;
    colours.grid = of("#chart").borderTopColor;
  }

  // Rows for the rules that fired and for the batches that have a match, which share rows where they are many.
  function place(matches) {
    const wanted = new Set();
    for (const one of exchanges) if (matches.has(one)) wanted.add(one.batch);
    const some = exchanges.filter(one => wanted.has(one.batch));
    const spans = new Map();
    let first = Infinity, last = 0, waits = 0;
    for (const one of some) {
      const until = Math.max(one.at, one.end ?? 0);
      const of = spans.get(one.batch) ?? { from: one.at, until };
      of.until = Math.max(of.until, until);
      spans.set(one.batch, of);
      first = Math.min(first, one.at);
      last = Math.max(last, until);
      if (one.wait !== null) waits = Math.max(waits, one.end + one.wait);
    }
    if (!some.length) first = 0;
    const shared = spans.size > ALONE;
    const rowOf = shared ? packed(spans, (last - first) / ROOMY) : new Map([...spans.keys()].map((batch, row) => [batch, row]));
    const count = Math.max(0, ...rowOf.values()) + 1;
    const known = rules.filter(rule => some.some(one => one.rule === rule));
    // So far apart that each has room for its name.
    const apart = Math.max(1, Math.ceil(count / 18));
    const lanes = new Map(known.map((rule, place) => [rule, place * apart]));
    const below = known.length * apart;
    labels = new Map([...lanes].map(([rule, row]) => [row, rule]));
    if (!shared) for (const [batch, row] of rowOf) labels.set(below + row, short(batch));
    ruled = below;
    placed = some.map(one => ({ one, row: below + rowOf.get(one.batch), faint: !matches.has(one) }));
    fired = some.filter(one => lanes.has(one.rule)).map(one => ({ one, row: lanes.get(one.rule) }));
    about.textContent = `${shared ? "Batches are so many that they share rows, one after the other" : "Each row is a batch"}, and each mark an attempt`
      + `, by what the client was told.${known.length ? " Above them is a row for each rule that fired." : ""}`;
    // A wait of an hour must not squeeze a run of a minute.
    const end = Math.min(Math.max(last, waits), last + (last - first) / 3 + 1);
    const margin = (end - first) * 0.02 || 0.5;
    full = { x: [first - margin, end + margin], y: [-0.8, below + count - 0.2] };
  }

  // The first row that is free again, for each batch in order.
  function packed(spans, gap) {
    const free = [];
    const rowOf = new Map();
    for (const [batch, { from, until }] of spans) {
      let row = free.findIndex(since => since <= from);
      if (row < 0) row = free.length;
      free[row] = until + gap;
      rowOf.set(batch, row);
    }
    return rowOf;
  }

  const SHAPES = {
    stored: (path, x, y, r) => { path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); },
    redirected: (path, x, y, r) => polygon(path, [x, y - r, x + r, y, x, y + r, x - r, y]),
    refused: (path, x, y, r) => path.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7),
    limited: (path, x, y, r) => polygon(path, [x, y - r, x + r, y + r * 0.8, x - r, y + r * 0.8]),
    failed: (path, x, y, r) => polygon(path, [x, y + r, x + r, y - r * 0.8, x - r, y - r * 0.8]),
    dropped: (path, x, y, r) => { path.moveTo(x - r, y - r); path.lineTo(x + r, y + r); path.moveTo(x + r, y - r); path.lineTo(x - r, y + r); },
    open: (path, x, y, r) => { path.moveTo(x, y - r); path.lineTo(x, y + r); path.moveTo(x - r, y); path.lineTo(x + r, y); },
  };
  const STROKED = new Set(["dropped", "open"]);

  function polygon(path, points) {
    path.moveTo(points[0], points[1]);
    for (let place = 2; place < points.length; place += 2) path.lineTo(points[place], points[place + 1]);
    path.closePath();
  }

  function draw(u) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio || 1;
    const x0 = u.valToPos(0, "x", true), perX = u.valToPos(1, "x", true) - x0;
    const y0 = u.valToPos(0, "y", true), perY = u.valToPos(1, "y", true) - y0;
    const high = Math.abs(perY);
    const r = Math.max(2.5, Math.min(6, high / ratio * 0.42)) * ratio;
    const bar = Math.max(1 * ratio, Math.min(14 * ratio, high * 0.7));
    const paths = {};
    const path = (name, faint) => (paths[`${name} ${faint}`] ??= new Path2D());
    spots = new Float32Array(placed.length * 2);
    const [left, right] = [bbox.left - 20, bbox.left + bbox.width + 20];
    const [top, bottom] = [bbox.top - 20, bbox.top + bbox.height + 20];
    placed.forEach(({ one, row, faint }, place) => {
      const x = x0 + one.at * perX, y = y0 + row * perY;
      spots[2 * place] = x / ratio - bbox.left / ratio;
      spots[2 * place + 1] = y / ratio - bbox.top / ratio;
      if (y < top || y > bottom) return;
      const end = one.end === null ? x : x0 + one.end * perX;
      if (one.wait !== null) {
        const until = x0 + (one.end + one.wait) * perX;
        if (until > left && end < right) {
          path("band", faint).rect(end, y - bar / 2, until - end, bar);
          path("wait", faint).moveTo(until, y - bar / 2 - ratio);
          path("wait", faint).lineTo(until, y + bar / 2 + ratio);
        }
      }
      if (one.delay !== null) {
        path("again", faint).moveTo(end, y);
        path("again", faint).lineTo(end + one.delay * perX, y);
      }
      if (x < left || x > right) return;
      if (end - x > 2 * r) path("again", faint).rect(x, y - ratio, end - x, 2 * ratio);
      SHAPES[one.kind](path(one.kind, faint), x, y, r);
      if (one.fault && high > 5 * ratio) SHAPES.stored(path("ring", faint), x, y, r + 2.5 * ratio);
    });
    for (const { one, row } of fired) {
      const x = x0 + one.at * perX, y = y0 + row * perY;
      path("lane", false).moveTo(x, y - Math.max(bar / 2, 3 * ratio));
      path("lane", false).lineTo(x, y + Math.max(bar / 2, 3 * ratio));
    }
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const paint = (name, colour, width) => {
      for (const faint of [true, false]) {
        const drawn = paths[`${name} ${faint}`];
        if (!drawn) continue;
        ctx.globalAlpha = faint ? 0.3 : 1;
        ctx.fillStyle = ctx.strokeStyle = colour;
        ctx.lineWidth = width * ratio;
        if (width) ctx.stroke(drawn); else ctx.fill(drawn);
      }
    };
    paint("band", colours.band, 0);
    paint("wait", colours.wait, 2);
    paint("again", colours.again, 1);
    paint("lane", colours.ring, 1.5);
    for (const kind of Object.keys(SHAPES)) paint(kind, colours[kind], STROKED.has(kind) ? 2 : 0);
    paint("ring", colours.ring, 1);
    const at = placed.find(({ one }) => one === chosen);
    if (at) {
      ctx.globalAlpha = 1;
      ctx.strokeStyle = colours.ring;
      ctx.lineWidth = 2 * ratio;
      ctx.strokeRect(x0 + chosen.at * perX - 2 * r, y0 + at.row * perY - 2 * r, 4 * r, 4 * r);
    }
    ctx.restore();
    box.dataset.drawn = placed.length;
  }

  function nearest(left, top) {
    let best = null, least = REACH * REACH;
    for (let place = 0; place < placed.length; place++) {
      const dx = spots[2 * place] - left, dy = spots[2 * place + 1] - top, far = dx * dx + dy * dy;
      if (far < least && !(placed[place].faint && best && !best.faint)) { best = placed[place]; least = far; }
    }
    return best?.one ?? null;
  }

  // Every rule, and no more batches than there is room for.
  function splits(u, axis, low, high) {
    const most = Math.max(2, u.bbox.height / (devicePixelRatio || 1) / 18);
    const step = Math.max(1, Math.ceil((high - low) / most));
    return [...labels.keys()].filter(row => row >= low && row <= high && (row < ruled || (row - ruled) % step === 0));
  }

  const narrow = () => box.clientWidth < 500;
  const clip = label => narrow() && label.length > 8 ? `${label.slice(0, 7)}…` : label.length > 16 ? `${label.slice(0, 15)}…` : label;
  const axis = { stroke: () => colours.axis, font: "12px system-ui, sans-serif", ticks: { show: false }, grid: { stroke: () => colours.grid, width: 1 } };

  readColours();
  const size = () => ({ width: Math.max(box.clientWidth, 200), height: Math.max(box.clientHeight, 150) });
  const u = new uPlot({
    ...size(),
    legend: { show: false },
    padding: [8, 12, 0, 0],
    cursor: {
      drag: { x: true, y: true, uni: 24, setScale: true },
      points: { show: false },
      bind: { dblclick: () => () => show(full) },
    },
    scales: {
      x: { time: false, auto: false, range: (_, low, high) => [low, high] },
      y: { auto: false, dir: -1, range: (_, low, high) => [low, high] },
    },
    axes: [
      { ...axis, size: 32, values: (_, found) => found.map(value => `${value} s`) },
      { ...axis, size: () => narrow() ? 78 : 130, splits, values: (_, found) => found.map(row => clip(labels.get(row) ?? "")) },
    ],
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: { draw: [draw], setCursor: [hover] },
  }, [[0, 1], [0, 0]], box);

  function hover() {
    if (u.cursor.left < 0) return;
    const found = nearest(u.cursor.left, u.cursor.top);
    u.over.style.cursor = found ? "pointer" : "crosshair";
    if (found) chosenLine.textContent = sentence(found);
  }

  function show({ x, y }) {
    u.batch(() => {
      u.setScale("x", { min: x[0], max: x[1] });
      u.setScale("y", { min: y[0], max: y[1] });
    });
  }

  const range = name => [u.scales[name].min, u.scales[name].max];

  function zoom(factor) {
    const of = name => {
      let [low, high] = range(name);
      // Around what is chosen, if that is in sight.
      const at = placed.find(({ one }) => one === chosen);
      const wanted = at ? (name === "x" ? at.one.at : at.row) : NaN;
      const middle = wanted >= low && wanted <= high ? wanted : (low + high) / 2;
      const wide = Math.min(Math.max((high - low) * factor, LEAST[name]), full[name][1] - full[name][0]);
      [low, high] = [middle - wide / 2, middle + wide / 2];
      return within(name, low, high);
    };
    show({ x: of("x"), y: of("y") });
  }

  function within(name, low, high) {
    const [least, most] = full[name];
    const by = low < least ? least - low : high > most ? most - high : 0;
    return [low + by, high + by];
  }

  function move(name, share) {
    const [low, high] = range(name);
    const by = (high - low) * share;
    show({ x: range("x"), y: range("y"), [name]: within(name, low + by, high + by) });
  }

  // Have an exchange in sight without changing how much is shown.
  function reveal(one) {
    const at = placed.find(found => found.one === one);
    if (!at) return;
    const around = (name, value) => {
      const [low, high] = range(name);
      if (value >= low && value <= high) return [low, high];
      return within(name, value - (high - low) / 2, value + (high - low) / 2);
    };
    show({ x: around("x", one.at), y: around("y", at.row) });
  }

  function choose(one) {
    chosen = one;
    if (one) {
      chosenLine.textContent = sentence(one);
      reveal(one);
    }
    u.redraw(false);
  }

  function step(by) {
    const strong = placed.filter(({ faint }) => !faint);
    if (!strong.length) return;
    const here = strong.findIndex(({ one }) => one === chosen);
    const next = here < 0 ? (by > 0 ? 0 : strong.length - 1) : Math.min(Math.max(here + by, 0), strong.length - 1);
    choose(strong[next].one);
  }

  const open = one => one && listeners.forEach(listener => listener(one));
  const ACTIONS = {
    in: () => zoom(0.5), out: () => zoom(2), all: () => show(full),
    left: () => move("x", -0.4), right: () => move("x", 0.4), up: () => move("y", -0.6), down: () => move("y", 0.6),
  };
  const KEYS = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), Enter: () => open(chosen),
    "+": ACTIONS.in, "=": ACTIONS.in, "-": ACTIONS.out, 0: ACTIONS.all,
  };
  box.addEventListener("keydown", event => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.querySelector(".tools").addEventListener("click", event => ACTIONS[event.target.dataset.do]?.());
  let pressed = [0, 0];
  u.over.addEventListener("mousedown", event => { pressed = [event.clientX, event.clientY]; });
  u.over.addEventListener("click", event => {
    // The end of a drag is a click too.
    if (Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4) return;
    const over = u.over.getBoundingClientRect();
    open(nearest(event.clientX - over.left, event.clientY - over.top));
  });
  new ResizeObserver(() => {
    const wanted = size();
    if (wanted.width !== u.width || wanted.height !== u.height) u.setSize(wanted);
  }).observe(box);

  return {
    filter(matches) { place(matches); show(full); u.redraw(); },
    choose,
    colours: () => colours,
    recolour() { readColours(); u.redraw(); },
    onOpen(listener) { listeners.push(listener); },
    where(one) {
      const at = placed.findIndex(found => found.one === one);
      return at < 0 ? null : [spots[2 * at], spots[2 * at + 1]];
    },
  };
})();
