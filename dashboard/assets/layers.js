// The tree of modules: opens, filters, walks by keys; what is chosen in it is the address's layer.
"use strict";
window.fathomLayers = (() => {
  const none = () => window.dash_clientside.no_update;
  const NARROW = "(max-width: 1000px)"; // there the tree is above the pictures, and folded
  const place = () => document.getElementById("layers-tree");
  const tree = () => place()?.querySelector("[role=tree]");
  const items = () => [...(tree()?.querySelectorAll("[role=treeitem]") ?? [])];
  const rowOf = (item) => item.firstElementChild;
  const above = (item) => item.parentElement.closest("[role=treeitem]");
  const isParent = (item) => item.hasAttribute("aria-expanded");
  const isOpen = (item) => item.getAttribute("aria-expanded") === "true";

  let shown = ""; // the tree as it came
  let run = "";
  let known = { run: "", signs: {} }; // what is to be said of its modules

  const told = (news) => {
    const holder = place();
    if (!news || !holder) return none();
    document.getElementById("layers-note").hidden = true;
    if (!holder.fathomReady) ready(holder);
    if (news.tree === shown && news.run === run && holder.firstElementChild) return none();
    const open = new Map(items().filter(isParent).map((item) => [item.dataset.layer, isOpen(item)]));
    shown = news.tree;
    run = news.run;
    holder.innerHTML = shown; // every text in it was escaped where it was made
    for (const item of items().filter(isParent)) {
      if (open.has(item.dataset.layer)) set(item, open.get(item.dataset.layer));
    }
    sign();
    filter();
    choose(wanted(), true);
    return none();
  };

  // the address's layer; without one, that which the picture beside the tree shows
  const wanted = () => {
    const named = document.getElementById("layer_history-figure")?.fathomFigure?.layout?.meta?.layer;
    return window.fathomAddress.read().layer || (named && decodeURIComponent(named));
  };

  const drawn = () => {
    if (tree()) choose(wanted());
    return none();
  };

  const signed = (news) => {
    known = news ?? known;
    sign();
    return none();
  };

  const sign = () => {
    const signs = known.run === run ? known.signs : {};
    for (const item of items()) {
      const mine = Object.hasOwn(signs, item.dataset.layer) ? signs[item.dataset.layer] : "";
      const holder = rowOf(item).querySelector(".signs");
      if (holder.dataset.now === mine) continue;
      holder.innerHTML = holder.dataset.now = mine;
    }
  };

  const set = (item, open) => item.setAttribute("aria-expanded", String(open));

  // the one item that the tab key stops at
  const reach = (item, focus = true) => {
    for (const other of tree().querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    item.tabIndex = 0;
    if (focus) item.focus({ preventScroll: true });
    rowOf(item).scrollIntoView({ block: "nearest" });
  };

  const choose = (layer, arrive = false) => {
    const chosen = items().find((item) => item.dataset.layer === layer);
    for (const item of items()) item.setAttribute("aria-selected", String(item === chosen));
    for (let up = chosen && above(chosen); up; up = above(up)) set(up, true);
    const first = chosen ?? items()[0];
    if (first && (arrive || chosen)) quietly(first);
  };

  // in sight within the column, without moving the page
  const quietly = (item) => {
    for (const other of tree().querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    item.tabIndex = 0;
    const box = place();
    const row = rowOf(item).getBoundingClientRect();
    const around = box.getBoundingClientRect();
    if (row.top < around.top) box.scrollTop -= around.top - row.top + 40;
    if (row.bottom > around.bottom) box.scrollTop += row.bottom - around.bottom + 40;
  };

  const pick = (item) => {
    if (item.dataset.only) set(item, !isOpen(item));
    else window.fathomAddress.go({ layer: item.dataset.layer });
  };

  const seen = () => items().filter((item) => rowOf(item).offsetParent !== null);

  const KEYS = {
    ArrowDown: (item, all) => all[all.indexOf(item) + 1],
    ArrowUp: (item, all) => all[all.indexOf(item) - 1],
    Home: (item, all) => all[0],
    End: (item, all) => all.at(-1),
    ArrowRight: (item) => {
      if (isParent(item) && !isOpen(item)) return void set(item, true);
      return item.querySelector("[role=treeitem]");
    },
    ArrowLeft: (item) => {
      if (isParent(item) && isOpen(item)) return void set(item, false);
      return above(item);
    },
    Enter: (item) => void pick(item),
    " ": (item) => void pick(item),
  };

  const pressed = (event) => {
    const item = event.target.closest("[role=treeitem]");
    const act = KEYS[event.key];
    if (!item || !act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const next = act(item, seen());
    if (next) reach(next);
  };

  const clicked = ({ target }) => {
    const item = target.closest(".row")?.parentElement;
    if (!item) return;
    reach(item);
    if (target.closest(".twig") && isParent(item)) set(item, !isOpen(item));
    else pick(item);
  };

  // those that match, those inside them, and those they are inside of
  const filter = () => {
    const field = document.querySelector(".layers-column input");
    const words = (field?.value ?? "").trim().toLowerCase().split(/\s+/).filter(Boolean);
    const all = items();
    const matches = (item) => {
      const text = `${item.dataset.layer} ${rowOf(item).querySelector(".kind").textContent}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const kept = new Set();
    for (const item of words.length ? all.filter(matches) : all) {
      kept.add(item);
      for (let up = words.length ? above(item) : null; up; up = above(up)) {
        kept.add(up);
        set(up, true);
      }
    }
    for (const item of all) item.hidden = !kept.has(item);
    const note = document.getElementById("layers-note");
    note.hidden = kept.size > 0 || !all.length;
    note.textContent = `No module has '${words.join(" ")}' in its path or type.`;
  };

  const ready = (holder) => {
    holder.fathomReady = true;
    const search = document.querySelector("[data-tree-search]");
    const field = Object.assign(document.createElement("input"), {
      type: "search",
      placeholder: search.dataset.treeSearch,
    });
    field.setAttribute("aria-label", "Filter modules");
    field.addEventListener("input", filter);
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && seen().length) {
        event.preventDefault();
        reach(seen()[0]);
      }
    });
    search.replaceChildren(field);
    holder.addEventListener("click", clicked);
    holder.addEventListener("keydown", pressed);
    holder.closest("details").open = !matchMedia(NARROW).matches;
  };

  document.addEventListener("fathom:address", () => tree() && choose(wanted()));

  return { told, signed, drawn };
})();
