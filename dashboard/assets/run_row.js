// One run as a row of the table. Names, tags and models are texts, never markup.
"use strict";
window.fathomRunRow = (() => {
  const ICONS = { error: "✕", warning: "!", hint: "i" };
  const SVG = "http://www.w3.org/2000/svg";
  const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const [WIDTH, HEIGHT, INSET] = [104, 30, 2];

  const el = (tag, kind, ...inside) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    made.append(...inside.filter((each) => each !== null && each !== undefined));
    return made;
  };
  const svg = (tag, attributes) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  const number = (value) => {
    const known = Number(value);
    if (!Number.isFinite(known)) return { inf: "∞", "-inf": "−∞" }[value] ?? "NaN";
    const size = Math.abs(known);
    if (known !== 0 && (size < 1e-3 || size >= 1e6)) return known.toExponential(1).replace("e+", "e");
    return size >= 1000 ? Math.round(known).toLocaleString("en") : String(Number(known.toPrecision(3)));
  };

  const span = (seconds) => {
    if (!Number.isFinite(seconds)) return "";
    if (seconds < 60) return `${seconds < 10 ? Number(seconds.toFixed(1)) : Math.round(seconds)} s`;
    if (seconds < 600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min` : `${(seconds / 86400).toFixed(1)} d`;
  };

  const ago = (since) => {
    const seconds = Math.max(0, Date.now() / 1000 - since);
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= size) return `${Math.round(seconds / size)} ${unit} ago`;
    }
    return `${Math.round(seconds)} s ago`;
  };

  const whole = (count) => count.toLocaleString("en");
  const cell = (kind, label, ...inside) => {
    const made = el("td", kind, ...inside);
    made.dataset.label = label;
    return made;
  };
  const titled = (made, title) => Object.assign(made, { title });

  // a long name is broken where its writer has parted it
  const breakable = (text) => text.split(/(?<=[/_.-])/).flatMap((part) => [part, el("wbr")]);

  const name = (run) => {
    const cut = run.name.lastIndexOf("/") + 1;
    const group = cut ? el("span", "group", ...breakable(run.name.slice(0, cut))) : null;
    const link = el("a", "name", group, ...breakable(run.name.slice(cut)));
    link.href = window.fathomRuns.place("overview", [run.name]);
    link.tabIndex = -1;
    return titled(link, run.name);
  };

  const tags = (run, may) => {
    const chips = run.tags.map((tag) => {
      const text = titled(Object.assign(el("button", "tag-name", tag), { type: "button" }), "Show the runs with this tag");
      text.dataset.tag = tag;
      if (!may) return el("span", "tag", text);
      const off = titled(Object.assign(el("button", "tag-off", "×"), { type: "button" }), "Take this tag off");
      off.dataset.tagOff = tag;
      off.setAttribute("aria-label", `Take the tag ${tag} off`);
      return el("span", "tag", text, off);
    });
    const add = may ? titled(Object.assign(el("button", "tag-add", "+ tag"), { type: "button" }), "Give this run a tag") : null;
    const model = run.model ? titled(el("span", "model-inline", run.model), `${run.model}, ${whole(run.parameters)} parameters`) : null;
    return el("div", "tags", model, ...chips, add);
  };

  const state = (run) => {
    const word = window.fathomRunQuery.STATES[run.state] ?? run.state;
    const told = el("span", `run-state ${run.state}`, el("span", "dot"), word);
    if (run.reason) titled(told, run.reason);
    if (!["running", "stale"].includes(run.state) || !run.updated) return [told];
    const since = titled(el("span", "second", ago(run.updated)), "since something new was written");
    since.dataset.since = run.updated;
    return [told, since];
  };

  const verdicts = (run) => {
    if (run.trouble) return [titled(el("span", "second", "not examined"), run.trouble)];
    if (!run.verdicts) return [el("span", "second waits", "examining…")];
    if (!run.verdicts.length && !run.looked) return [titled(el("span", "second", "nothing to judge"), "No rule found enough in this recording to judge it")];
    if (!run.verdicts.length) return [el("span", "sound", el("span", "icon", "✓"), "no findings")];
    const badges = run.verdicts.slice(0, 2).map(([severity, words]) =>
      titled(el("span", `badge ${severity}`, el("span", "icon", ICONS[severity]), el("span", "words", words)), `${severity}: ${words}`),
    );
    const rest = run.verdicts.slice(2);
    if (rest.length) {
      const all = rest.map(([severity, words]) => `${severity}: ${words}`).join("\n");
      badges[1] = el("span", "with-more", badges[1], titled(el("span", "more", `+${rest.length}`), all));
    }
    return badges;
  };

  const value = (kind, told) => {
    if (!told) return cell(kind, "");
    const last = titled(el("span", Number.isFinite(Number(told.last)) ? "last" : "last lost", number(told.last)), `${told.name}: last ${told.last}`);
    const isBest = number(told.best) === number(told.last);
    const best = told.best === null ? null : titled(el("span", isBest ? "second same" : "second", isBest ? "the best" : number(told.best)), `${told.name}: best ${told.best}`);
    return cell(kind, told.name, last, best);
  };

  // the height between least and greatest, and a line through the middle
  const curve = (run) => {
    if (!run.curve) return null;
    const { low, high, lost, log } = run.curve;
    const across = (place) => INSET + (place * (WIDTH - 2 * INSET)) / Math.max(1, low.length - 1);
    const up = (letter) => HEIGHT - INSET - (LETTERS.indexOf(letter) * (HEIGHT - 2 * INSET)) / (LETTERS.length - 1);
    const there = [...low].flatMap((letter, at) => (letter === "." ? [] : [at]));
    const picture = svg("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", preserveAspectRatio: "none" });
    const title = svg("title", {});
    title.textContent = `${run.curve.name}${log ? ", on a log scale" : ""}${lost.length ? "; not finite where marked" : ""}`;
    const line = (side) => there.map((at) => `${across(at).toFixed(1)},${up(side[at]).toFixed(1)}`);
    const middle = there.map((at) => `${across(at).toFixed(1)},${((up(low[at]) + up(high[at])) / 2).toFixed(1)}`);
    picture.append(title, svg("polygon", { points: [...line(high), ...line(low).reverse()].join(" ") }), svg("polyline", { points: middle.join(" ") }));
    const step = across(1) - across(0);
    for (const at of lost) picture.append(svg("rect", { x: across(at) - step / 2, y: 0, width: step + 0.1, height: HEIGHT }));
    return picture;
  };

  const box = (run, chosen) => {
    const made = Object.assign(el("input", "choose"), { type: "checkbox", checked: chosen, tabIndex: -1 });
    made.setAttribute("aria-label", `Choose ${run.name}`);
    return made;
  };

  const started = (run) => {
    if (!run.began) return cell("started", "started");
    const since = el("span", "", ago(run.began));
    since.dataset.since = run.began;
    return cell("started", "started", titled(since, new Date(run.began * 1000).toLocaleString()));
  };

  const model = (run) => {
    const size = run.parameters ? `${run.parameters < 1e4 ? whole(run.parameters) : Intl.NumberFormat("en", { notation: "compact" }).format(run.parameters)} weights` : "";
    const kind = titled(el("span", "model-name", run.model), run.model);
    return cell("model", "model", kind, size ? titled(el("span", "second", size), `${whole(run.parameters)} parameters`) : null);
  };

  const draw = (run, { chosen, may }) => {
    const row = el("tr", `run-row ${run.state}${chosen ? " chosen" : ""}`);
    row.tabIndex = -1;
    row.dataset.name = run.name;
    row.append(cell("box", "", box(run, chosen)));
    if (run.state === "unreadable") {
      const reason = Object.assign(cell("verdicts-cell", "", el("span", "reason", run.reason)), { colSpan: 9 });
      row.append(cell("run-name", "", name(run)), cell("state-cell", "", ...state(run)), reason);
      return row;
    }
    row.append(
      cell("run-name", "", name(run), tags(run, may)),
      cell("state-cell", "", ...state(run)),
      cell("verdicts-cell", "", ...verdicts(run)),
      cell("curve-cell", "", curve(run)),
      value("loss number", run.loss),
      value("validation number", run.validation),
      value("score number", run.score),
      cell("steps number", "steps", whole(run.steps)),
      started(run),
      cell("took", "took", span(window.fathomRunQuery.took(run))),
      model(run),
    );
    return row;
  };

  return { draw, el, ago };
})();
