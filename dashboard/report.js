// Draws the report's figures when they come into view, in the scheme that is on.
"use strict";
(() => {
  const { figures, config, swaps } = JSON.parse(document.getElementById("data").textContent);
  const drawn = new Set();

  const recoloured = (value) => {
    if (typeof value === "string") return swaps[value] || value;
    if (Array.isArray(value)) return value.map(recoloured);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, recoloured(each)]));
  };

  // several drawings of one result: which of them the buttons above it say
  const chosen = (name) => {
    const pressed = document.querySelectorAll(`#${CSS.escape(name)} .controls [aria-pressed="true"]`);
    return [...pressed].map((button) => button.textContent).join(" ");
  };

  const draw = (name, scheme = window.fathom.scheme()) => {
    const place = document.getElementById(`${name}-figure`);
    const wanted = figures[`${name} ${chosen(name)}`] ?? figures[name];
    const figure = scheme === "dark" ? recoloured(wanted) : structuredClone(wanted);
    drawn.add(name);
    const layout = window.fathom.fitted(figure.layout);
    place.style.minHeight = `${layout.height}px`;
    Plotly.react(place, figure.data, layout, config).then(() => window.fathom.follow(place));
  };

  for (const button of document.querySelectorAll(".controls button")) {
    button.addEventListener("click", () => {
      for (const other of button.parentElement.children) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      draw(button.closest(".panel").id);
    });
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        watcher.unobserve(entry.target);
        draw(entry.target.id.replace(/-figure$/, ""));
      }
    },
    { rootMargin: "600px" },
  );
  const names = Object.keys(figures).filter((name) => document.getElementById(`${name}-figure`));
  for (const name of names) watcher.observe(document.getElementById(`${name}-figure`));

  document.addEventListener("fathom:scheme", () => drawn.forEach((name) => draw(name)));
  document.getElementById("scheme").addEventListener("click", window.fathom.toggle);
  // paper is white
  window.addEventListener("beforeprint", () => names.forEach((name) => draw(name, "light")));
  window.addEventListener("afterprint", () => drawn.forEach((name) => draw(name)));
})();
