// What stands still on the page "Runs": the filter, the head of the table, the bar of the chosen.
"use strict";
window.fathomRunTable = (() => {
  const COLUMNS = [
    ["name", "Run"], ["state", "State"], ["verdicts", "Verdicts"], ["loss", "Loss", 2, "last, best"], ["validation", "Held out"], ["score", "Score"],
    ["steps", "Steps"], ["started", "Started"], ["took", "Took"], ["model", "Model"],
  ];
  const HINTS = {
    loss: "Training loss: its course, the last value, below it the best", validation: "Loss on held-out data: last, below it the best",
    score: "Last, below it the best", verdicts: "Worst first",
  };
  const { DESCENDS, readSort } = window.fathomRunQuery;
  const { el } = window.fathomRunRow;

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

  const heading = (hands) => ([key, title, across, told]) => {
    const sort = button("sort", title, () => hands.sortBy(key));
    if (told) sort.append(" ", el("small", "", told));
    const made = el("th", `${key}-head`, sort);
    made.dataset.key = key;
    made.scope = "col";
    if (across) made.colSpan = across;
    if (HINTS[key]) made.title = HINTS[key];
    return made;
  };

  const orders = (hands) => {
    const made = el("select", "runs-order");
    made.setAttribute("aria-label", "Sort by");
    for (const [key, title] of COLUMNS) {
      for (const way of DESCENDS.includes(key) ? ["-", ""] : ["", "-"]) {
        const word = key === "started" ? (way ? "newest first" : "oldest first") : `${title.toLowerCase()} ${way ? "↓" : "↑"}`;
        made.append(Object.assign(el("option", "", word), { value: `${way}${key}` }));
      }
    }
    made.addEventListener("change", () => hands.change({ sort: readSort(made.value) }));
    return made;
  };

  const tools = (hands) => {
    const search = field("runs-filter", "Filter: a name, a tag, a verdict, state:failed, loss<0.1");
    search.type = "search";
    search.title = "Words that must all fit; -word must not. Also state: tag: model: verdict: and lr>0.1";
    search.addEventListener("input", () => hands.search(search.value));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        search.value = "";
        hands.change({ filter: "" });
        search.blur();
      } else if (["ArrowDown", "Enter"].includes(event.key)) hands.move(0);
      else return;
      event.preventDefault();
    });
    const many = el("span", "runs-count");
    many.setAttribute("role", "status");
    return el("div", "runs-tools", el("div", "runs-search", search, el("kbd", "", "/")), orders(hands), many);
  };

  const chosenBar = (hands) => {
    const tag = field("bar-tag", "tag them");
    tag.setAttribute("list", "runs-tags");
    tag.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !tag.value.trim()) return;
      hands.tagChosen(tag.value.trim());
      tag.value = "";
    });
    const bar = el("div", "runs-bar", el("span", "bar-count"), el("a", "action bar-compare"), tag);
    bar.append(button("action plain", "Clear", () => hands.change({ chosen: new Set() })));
    bar.setAttribute("role", "region");
    bar.setAttribute("aria-label", "Chosen runs");
    return bar;
  };

  const nothing = (hands) => {
    const all = button("action plain", "Show all", () => hands.change({ filter: "" }));
    return el("div", "runs-none", el("p", "", "No run fits this filter."), all);
  };

  // `hands`: what to do when something is asked for
  const frame = (hands) => {
    const head = el("tr", "", el("th", "box", el("span", "unseen", "Chosen")), ...COLUMNS.map(heading(hands)));
    const table = el("table", "runs-table", el("thead", "", head), el("tbody", ""));
    table.setAttribute("aria-label", "Runs");
    table.addEventListener("click", hands.clicked);
    const trouble = Object.assign(el("p", "notice runs-trouble"), { hidden: true });
    trouble.setAttribute("role", "alert");
    return [tools(hands), trouble, table, nothing(hands), el("div", "runs-end"), chosenBar(hands)];
  };

  return { frame, field };
})();
