// The page "Runs": keeps what the server has told, shows what the filter and the order ask for.
"use strict";
window.fathomRuns = (() => {
  const AT_ONCE = 100; // rows; more when somebody scrolls there
  const { filter, sorted, readSort, writeSort, DESCENDS } = window.fathomRunQuery;
  const { draw, el, ago } = window.fathomRunRow;
  const { frame, field } = window.fathomRunTable;

  const runs = new Map(); // by name, as told
  const rows = new Map(); // by name, as drawn: the run, the row
  const seen = { epoch: "", version: 0, total: 0, whole: false, may: false };
  let view = { filter: "", sort: readSort(""), chosen: new Set() };
  let [limit, current, shown, seesEnd] = [AT_ONCE, null, [], null];

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

  // -- what is shown ----------------------------------------------------------------------------

  const rowOf = (run) => {
    const [chosen, known] = [view.chosen.has(run.name), rows.get(run.name)];
    const isEdited = known?.row.querySelector("input[type=text]") === document.activeElement && known?.row.contains(document.activeElement);
    if (known && (isEdited || (known.run === run && known.may === seen.may))) {
      known.row.classList.toggle("chosen", chosen);
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

  const build = () => {
    const known = Object.assign(el("datalist"), { id: "runs-tags" });
    place().replaceChildren(...frame({ search, change, sortBy, move, clicked, tagChosen: (tag) => wish([...view.chosen], { add: tag }) }), known);
    part("runs-filter").value = view.filter;
    seesEnd?.disconnect();
    seesEnd = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || limit >= shown.length) return;
      limit += AT_ONCE;
      show();
    }, { rootMargin: "600px" });
    seesEnd.observe(part("runs-end"));
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

  // a filter that is still being written is not looked for at each letter
  let waiting = null;
  const search = (text) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ filter: text }), 120);
  };

  const change = (changes) => {
    clearTimeout(waiting);
    if ("filter" in changes && document.activeElement !== part("runs-filter")) part("runs-filter").value = changes.filter;
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
    else if (tag !== undefined) change({ filter: /\s/.test(tag) ? `tag:"${tag}"` : `tag:${tag}` });
    else if (tagOff !== undefined) wish([name], { remove: tagOff });
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
    "+": (row) => row?.querySelector(".tag-add") && askTag(row),
    Escape: () => view.chosen.size && change({ chosen: new Set() }),
  };
  const NEED_ROW = ["Enter", "x", " ", "+", "Home", "End"];

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

  const askForMore = () => setTimeout(() => window.dash_clientside.set_props("runs-more", { data: Date.now() }));

  const take = (news) => {
    if (!news) return window.dash_clientside.no_update;
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
    if (news.more) askForMore();
    return { epoch, version };
  };

  const answer = (told) => {
    if (!told) return;
    const trouble = part("runs-trouble");
    trouble.textContent = told.trouble ?? "";
    trouble.hidden = !told.trouble;
    askForMore();
  };

  // the page was opened: what was told before is shown at once, and what is new is asked for
  let opened = null;
  new MutationObserver(() => {
    if (place() === opened) return;
    opened = place();
    if (!opened) return;
    view = readAddress();
    if (runs.size) show();
    askForMore();
  }).observe(document.documentElement, { childList: true, subtree: true });

  return { take, answer, place: where };
})();
