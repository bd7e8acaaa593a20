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

  const draw = (name, scheme = window.fathom.scheme()) => {
    const place = document.getElementById(`${name}-figure`);
    const figure = scheme === "dark" ? recoloured(figures[name]) : structuredClone(figures[name]);
    drawn.add(name);
    return Plotly.react(place, figure.data, figure.layout, config);
  };

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        watcher.unobserve(entry.target);
        draw(entry.target.id.replace(/-figure$/, ""));
      }
    },
    { rootMargin: "600px" },
  );
  for (const name of Object.keys(figures)) {
    watcher.observe(document.getElementById(`${name}-figure`));
  }

  document.addEventListener("fathom:scheme", () => drawn.forEach((name) => draw(name)));
  document.getElementById("scheme").addEventListener("click", window.fathom.toggle);
  // paper is white
  window.addEventListener("beforeprint", () => Object.keys(figures).forEach((name) => draw(name, "light")));
  window.addEventListener("afterprint", () => drawn.forEach((name) => draw(name)));
})();
