// The page "Runs": keeps what the server has told, shows what the filter and the order ask for.
"use strict";
window.fathomRuns = (() => {
  const AT_ONCE = 100; // rows; more when somebody scrolls there
  const COLUMNS = [
    ["name", "Run"], ["state", "State"], ["verdicts", "Verdicts"], ["loss", "Loss", 2], ["validation", "Held out"], ["score", "Score"],
    ["steps", "Steps"], ["started", "Started"], ["took", "Took"], ["model", "Model"],
  ];
  const HINTS = {
    loss: "Training loss: its course, the last value, below it the best", validation: "Loss on held-out data: last, below it the best",
    score: "Last, below it the best", verdicts: "Worst first",
  };
  const { filter, sorted, readSort, writeSort, DESCENDS } = window.fathomRunQuery;
  const { draw, el, ago } = window.fathomRunRow;

  const runs = new Map(); // by name, as told
  const rows = new Map(); // by name, as drawn: the run, the row
  const seen = { epoch: "", version: 0, total: 0, whole: false, may: false };
  let view = { filter: "", sort: readSort(""), chosen: new Set() };
  let [limit, current, shown] = [AT_ONCE, null, []];

  const place = () => document.getElementById("runs-place");
  const part = (kind) => place()?.querySelector(`.${kind}`);
  const here = () => place() !== null && document.body.dataset.page === "runs";

  // -- the address ------------------------------------------------------------------------------

  const where = (page, names) => {
    const query = new URLSearchParams([["page", page], ["run", names[0]], ...names.slice(1).map((name) => ["with", name])]);
    const theme = new URLSearchParams(location.search).get("theme");
    if (theme) query.set("theme", theme);
    return `?${query.toString().replaceAll("%2F", "/")}`;
  };

  const readAddress = () => {
    const query = new URLSearchParams(location.search);
    return { filter: query.get("filter") ?? "", sort: readSort(query.get("sort")), chosen: new Set(query.getAll("chosen")) };
  };

  const writeAddress = () => {
    window.fathomAddress.go({ filter: view.filter, sort: writeSort(view.sort), chosen: [...view.chosen] });
  };

  // -- the skeleton -----------------------------------------------------------------------------

  const button = (kind, text, act) => {
    const made = Object.assign(el("button", kind, text), { type: "button" });
    made.addEventListener("click", act);
    return made;
  };

  const field = (kind, placeholder) => {
    const made = Object.assign(el("input", kind), { type: "text", placeholder, spellcheck: false, autocomplete: "off" });
    made.setAttribute("aria-label", placeholder);
    return made;
  };

  const heading = ([key, title, across]) => {
    const sort = button("sort", title, () => sortBy(key));
    const made = el("th", `${key}-head`, sort);
    made.dataset.key = key;
    made.scope = "col";
    if (across) made.colSpan = across;
    if (HINTS[key]) made.title = HINTS[key];
    return made;
  };

  const orders = () => {
    const made = el("select", "runs-order");
    made.setAttribute("aria-label", "Sort by");
    for (const [key, title] of COLUMNS) {
      for (const way of DESCENDS.includes(key) ? ["-", ""] : ["", "-"]) {
        const word = key === "started" ? (way ? "newest first" : "oldest first") : `${title.toLowerCase()} ${way ? "↓" : "↑"}`;
        made.append(Object.assign(el("option", "", word), { value: `${way}${key}` }));
      }
    }
    made.addEventListener("change", () => change({ sort: readSort(made.value) }));
    return made;
  };

  const tools = () => {
    const search = field("runs-filter", "Filter: a name, a tag, a verdict, state:failed, loss<0.1");
    search.type = "search";
    search.title = "Words that must all fit; -word must not. Also state: tag: model: verdict: and lr>0.1";
    search.addEventListener("input", () => later(() => change({ filter: search.value })));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        search.value = "";
        change({ filter: "" });
        search.blur();
      } else if (["ArrowDown", "Enter"].includes(event.key)) move(0);
      else return;
      event.preventDefault();
    });
    const many = el("span", "runs-count");
    many.setAttribute("role", "status");
    return el("div", "runs-tools", el("div", "runs-search", search, el("kbd", "", "/")), orders(), many);
  };

  const chosenBar = () => {
    const tag = field("bar-tag", "tag them");
    tag.setAttribute("list", "runs-tags");
    tag.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !tag.value.trim()) return;
      wish([...view.chosen], { add: tag.value.trim() });
      tag.value = "";
    });
    const bar = el("div", "runs-bar", el("span", "bar-count"), el("a", "action bar-compare"), tag);
    bar.append(button("action plain", "Clear", () => change({ chosen: new Set() })));
    bar.setAttribute("role", "region");
    bar.setAttribute("aria-label", "Chosen runs");
    return bar;
  };

  const build = () => {
    const head = el("tr", "", el("th", "box"), ...COLUMNS.map(heading));
    const table = el("table", "runs-table", el("thead", "", head), el("tbody", ""));
    table.setAttribute("aria-label", "Runs");
    const none = el("div", "runs-none", el("p", "", "No run fits this filter."), button("action plain", "Show all", () => {
      part("runs-filter").value = "";
      change({ filter: "" });
    }));
    const trouble = el("p", "notice runs-trouble");
    trouble.setAttribute("role", "alert");
    const known = Object.assign(el("datalist"), { id: "runs-tags" });
    place().replaceChildren(tools(), trouble, table, none, el("div", "runs-end"), chosenBar(), known);
    trouble.hidden = true;
    table.addEventListener("click", clicked);
    part("runs-filter").value = view.filter;
    new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || limit >= shown.length) return;
      limit += AT_ONCE;
      show();
    }, { rootMargin: "600px" }).observe(part("runs-end"));
  };

  // -- what is shown ----------------------------------------------------------------------------

  const rowOf = (run) => {
    const [chosen, known] = [view.chosen.has(run.name), rows.get(run.name)];
    const isEdited = known?.row.querySelector("input[type=text]") === document.activeElement && known?.row.contains(document.activeElement);
    if (known && (isEdited || (known.run === run && known.may === seen.may))) {
      known.row.setAttribute("aria-selected", String(chosen));
      known.row.querySelector(".choose").checked = chosen;
      return known.row;
    }
    const row = draw(run, { chosen, may: seen.may });
    if (known?.row.contains(document.activeElement)) queueMicrotask(() => row.focus({ preventScroll: true }));
    rows.set(run.name, { run, row, may: seen.may });
    return row;
  };

  const placeRows = (wanted) => {
    const body = part("runs-table").tBodies[0];
    const kept = new Set(wanted);
    for (const row of [...body.rows]) if (!kept.has(row)) row.remove();
    wanted.forEach((row, at) => {
      if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
      row.tabIndex = row.dataset.name === current || (at === 0 && !shown.some(({ name }) => name === current)) ? 0 : -1;
    });
  };

  const counted = () => {
    const many = runs.size.toLocaleString("en");
    const all = `${many} ${runs.size === 1 ? "run" : "runs"}`;
    if (!seen.whole && runs.size < seen.total) return `reading ${many} of ${seen.total.toLocaleString("en")}`;
    return view.filter.trim() ? `${shown.length.toLocaleString("en")} of ${all}` : all;
  };

  const showHead = () => {
    for (const head of place().querySelectorAll("th[data-key]")) {
      const { key } = head.dataset;
      const way = view.sort.key === key ? (view.sort.way < 0 ? "descending" : "ascending") : "none";
      head.setAttribute("aria-sort", way);
    }
    part("runs-order").value = `${view.sort.way < 0 ? "-" : ""}${view.sort.key}`;
    for (const [key, of] of [["validation", "validation"], ["score", "score"], ["loss", "loss"], ["model", "model"]]) {
      part("runs-table").classList.toggle(`without-${key}`, ![...runs.values()].some((run) => run[of]));
    }
  };

  const showBar = () => {
    const chosen = [...view.chosen];
    part("runs-bar").hidden = !chosen.length;
    part("bar-count").textContent = `${chosen.length} chosen`;
    const link = part("bar-compare");
    link.hidden = chosen.length < 2;
    link.textContent = `Compare (${chosen.length})`;
    if (chosen.length) link.href = where("compare", chosen);
    part("bar-tag").hidden = !seen.may;
    const tags = [...new Set([...runs.values()].flatMap((run) => run.tags))].sort();
    document.getElementById("runs-tags").replaceChildren(...tags.map((value) => Object.assign(el("option"), { value })));
  };

  const show = () => {
    if (!here()) return;
    if (!part("runs-table")) build();
    shown = sorted([...runs.values()].filter(filter(view.filter)), view.sort);
    placeRows(shown.slice(0, limit).map(rowOf));
    part("runs-count").textContent = counted();
    part("runs-table").hidden = !shown.length;
    part("runs-none").hidden = shown.length > 0 || !seen.whole;
    showHead();
    showBar();
  };

  let waiting = null;
  const later = (act) => {
    clearTimeout(waiting);
    waiting = setTimeout(act, 120);
  };

  const change = (changes) => {
    if ("filter" in changes || "sort" in changes) limit = AT_ONCE;
    view = { ...view, ...changes };
    writeAddress();
    show();
  };

  const sortBy = (key) => {
    const first = DESCENDS.includes(key) ? -1 : 1;
    change({ sort: { key, way: view.sort.key === key ? -view.sort.way : first } });
  };

  // -- what the viewer does ---------------------------------------------------------------------

  const choose = (name) => {
    const chosen = new Set(view.chosen);
    if (!chosen.delete(name)) chosen.add(name);
    change({ chosen });
  };

  const wish = (names, what) => window.dash_clientside.set_props("runs-wish", { data: { runs: names, ...what, at: Date.now() } });

  const askTag = (row) => {
    const tag = field("tag-field", "tag");
    tag.setAttribute("list", "runs-tags");
    tag.maxLength = 40;
    const add = row.querySelector(".tag-add");
    const close = () => {
      if (tag.isConnected) tag.replaceWith(add);
      show();
    };
    tag.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && tag.value.trim()) wish([row.dataset.name], { add: tag.value.trim() });
      if (["Enter", "Escape"].includes(event.key)) {
        row.focus();
      }
    });
    tag.addEventListener("blur", close);
    add.replaceWith(tag);
    tag.focus();
  };

  const clicked = (event) => {
    const row = event.target.closest(".run-row");
    if (!row) return;
    const { name } = row.dataset;
    const { tag, tagOff } = event.target.dataset;
    if (event.target.closest(".box")) choose(name);
    else if (tag !== undefined) {
      part("runs-filter").value = /\s/.test(tag) ? `tag:"${tag}"` : `tag:${tag}`;
      change({ filter: part("runs-filter").value });
    } else if (tagOff !== undefined) wish([name], { remove: tagOff });
    else if (event.target.closest(".tag-add")) askTag(row);
    else if (!event.target.closest("a, button, input") && !getSelection().toString()) row.querySelector("a.name").click();
  };

  const move = (by) => {
    const at = shown.findIndex(({ name }) => name === current);
    const next = Math.min(shown.length - 1, Math.max(0, by === 0 ? Math.max(at, 0) : at + by));
    if (!shown[next]) return;
    current = shown[next].name;
    if (next >= limit) limit = next + AT_ONCE;
    show();
    rows.get(current)?.row.focus();
  };

  const KEYS = {
    "/": () => part("runs-filter").select(),
    ArrowDown: () => move(1), j: () => move(1), ArrowUp: () => move(-1), k: () => move(-1),
    Home: () => move(-Infinity), End: () => move(Infinity),
    Enter: (row) => row?.querySelector("a.name").click(),
    x: (row) => row && choose(row.dataset.name), " ": (row) => row && choose(row.dataset.name),
    t: (row) => row?.querySelector(".tag-add") && askTag(row),
    Escape: () => view.chosen.size && change({ chosen: new Set() }),
  };
  const NEED_ROW = ["Enter", "x", " ", "t", "Home", "End"];

  document.addEventListener("keydown", (event) => {
    if (!here() || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    const row = document.activeElement?.closest?.(".run-row");
    const isAtWork = document.activeElement?.matches?.("input:not([type=checkbox]), select, textarea, button, a, summary");
    if (isAtWork || (NEED_ROW.includes(event.key) && !row)) return;
    event.preventDefault();
    KEYS[event.key](row);
  });
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches?.(".run-row")) current = target.dataset.name;
  });

  document.addEventListener("fathom:address", () => {
    if (!here()) return;
    const now = readAddress();
    const same = JSON.stringify([now.filter, now.sort, [...now.chosen]]) === JSON.stringify([view.filter, view.sort, [...view.chosen]]);
    view = now;
    if (part("runs-filter") && document.activeElement !== part("runs-filter")) part("runs-filter").value = view.filter;
    if (!same) show();
  });

  setInterval(() => {
    for (const each of place()?.querySelectorAll("[data-since]") ?? []) {
      const told = ago(Number(each.dataset.since));
      if (each.textContent !== told) each.textContent = told;
    }
  }, 5000);

  // -- what the server tells --------------------------------------------------------------------

  const take = (news) => {
    const { no_update } = window.dash_clientside;
    if (!news) {
      view = readAddress();
      show(); // what was told before: at once, until it is told anew
      return [no_update, no_update];
    }
    if (news.fresh) runs.clear();
    for (const run of news.rows) runs.set(run.name, run);
    for (const name of news.gone) {
      runs.delete(name);
      rows.delete(name);
    }
    Object.assign(seen, { epoch: news.epoch, version: news.version, total: news.total, whole: !news.more, may: news.may });
    if (!part("runs-table")) view = readAddress();
    show();
    const { epoch, version } = news;
    return [{ epoch, version }, news.more ? Date.now() : no_update];
  };

  const answer = (told) => {
    if (!told) return window.dash_clientside.no_update;
    const trouble = part("runs-trouble");
    trouble.textContent = told.trouble ?? "";
    trouble.hidden = !told.trouble;
    return Date.now(); // ask for the news at once
  };

  return { take, answer, place: where };
})();
