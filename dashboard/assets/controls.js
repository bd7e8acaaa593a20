// Fields that stand for a part of the address: <span data-control="range" data-address="smooth" …>.
"use strict";
(() => {
  const own = ["min", "max", "step", "placeholder"];

  const filled = (holder) => {
    const { control, address, label } = holder.dataset;
    const field = document.createElement("input");
    field.type = control;
    field.dataset.address = address;
    field.setAttribute("aria-label", label ?? address);
    for (const name of own) if (holder.dataset[name] !== undefined) field.setAttribute(name, holder.dataset[name]);
    holder.append(field);
    return field;
  };

  // what the address says now, unless it is just being written
  const set = (address) => {
    for (const holder of document.querySelectorAll("[data-control]")) {
      const field = holder.querySelector("input") ?? filled(holder);
      const value = String(address[field.dataset.address] ?? field.min ?? "");
      if (document.activeElement !== field && field.value !== value) field.value = value;
    }
    for (const row of document.querySelectorAll(".segments[data-of]")) {
      const now = address[row.dataset.of] ?? "";
      for (const button of row.children) button.setAttribute("aria-pressed", String(button.dataset.to === now));
    }
  };

  // dash calls its rows of labels listboxes, and hides in each option the field that is one
  const plain = () => {
    for (const option of document.querySelectorAll("label[role=option], label[aria-selected]")) {
      option.removeAttribute("role");
      option.removeAttribute("aria-selected");
      option.parentElement.removeAttribute("role");
    }
  };

  let soon = false;
  const later = () => {
    if (soon) return;
    soon = true;
    requestAnimationFrame(() => {
      soon = false;
      set(window.fathomAddress.read());
    });
  };
  document.addEventListener("fathom:address", later);
  new MutationObserver((changes) => {
    const added = changes.some(({ addedNodes }) =>
      [...addedNodes].some((node) => node.querySelector?.("[data-control], [data-of]")),
    );
    if (added) later();
    plain();
  }).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["aria-selected"] });
})();
