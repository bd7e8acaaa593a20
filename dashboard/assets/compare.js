// The page of a comparison: says which figures it has, and offers runs to add.
"use strict";
window.fathomCompare = (() => {
  const states = new Map(); // of each picture, what was asked last
  const placeOf = (name) => document.getElementById(`${name}-figure`);

  const asked = (name, state) => {
    if (!state) return window.dash_clientside.no_update;
    states.set(name, state);
    return { ...state, have: placeOf(name)?.fathomVersion ?? null };
  };

  // what changed of a figure that is not the one shown is of no use: all of it, then
  const arrived = (name, answer) => {
    const place = placeOf(name);
    if (place && answer?.base !== undefined && answer.base !== place.fathomVersion) {
      place.fathomVersion = null;
      window.dash_clientside.set_props(`${name}-wanted`, { data: { ...states.get(name), have: null } });
      return window.dash_clientside.no_update;
    }
    return window.fathomPictures.arrived(name, answer);
  };

  const known = (field) => [...(field.list?.options ?? [])].some((each) => each.value === field.value);

  const add = (field) => {
    if (!known(field)) return;
    const { run, with: others } = window.fathomAddress.read();
    if (!run) window.fathomAddress.go({ run: field.value });
    else if (run !== field.value && !others.includes(field.value)) {
      window.fathomAddress.go({ with: [...others, field.value] });
    }
    field.value = "";
  };

  const offer = (holder) => {
    const field = document.createElement("input");
    field.type = "search";
    field.className = "add-run";
    field.placeholder = "add a run";
    field.autocomplete = "off";
    field.setAttribute("list", "run-names");
    field.setAttribute("aria-label", "Add a run to the comparison");
    field.addEventListener("input", ({ inputType }) => {
      field.setCustomValidity("");
      if (!inputType?.startsWith("insertText")) add(field); // chosen from the list
    });
    field.addEventListener("change", () => add(field));
    field.addEventListener("keydown", ({ key }) => {
      if (key !== "Enter" || !field.value) return;
      field.setCustomValidity(known(field) ? "" : "There is no run of this name.");
      if (field.reportValidity()) add(field);
    });
    holder.append(field);
  };

  const settle = () => {
    for (const holder of document.querySelectorAll("[data-add-run]")) if (!holder.firstChild) offer(holder);
    for (const select of document.querySelectorAll("select[data-chosen]")) {
      if (document.activeElement !== select) select.value = select.dataset.chosen;
    }
  };

  let soon = false;
  new MutationObserver(() => {
    if (soon) return;
    soon = true;
    requestAnimationFrame(() => {
      soon = false;
      settle();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });

  return { asked, arrived };
})();
