// Of report and app alike: light or dark, a figure that fits, a click that moves its slider.
"use strict";
window.fathom = (() => {
  const root = document.documentElement;
  const asked = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  const remembered = () => {
    try {
      return localStorage.getItem("fathom-scheme");
    } catch {
      return null; // a file opened from disk may have no storage
    }
  };

  const show = (scheme) => {
    root.dataset.scheme = scheme;
    document.dispatchEvent(new Event("fathom:scheme"));
    return scheme;
  };

  const toggle = () => {
    const scheme = root.dataset.scheme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("fathom-scheme", scheme);
    } catch {
      // shown now, forgotten later
    }
    return show(scheme);
  };

  const NARROW = "(max-width: 700px)"; // a phone: what stands side by side goes under one another

  const merged = (under, over) => {
    if (over === null || typeof over !== "object" || Array.isArray(over)) return over;
    const both = { ...under };
    for (const [key, value] of Object.entries(over)) both[key] = merged(both[key], value);
    return both;
  };

  // A figure brings along what of its layout is otherwise on a narrow page.
  const fitted = (layout) =>
    layout.meta?.narrow && matchMedia(NARROW).matches ? merged(layout, layout.meta.narrow) : layout;

  // a click on a step shows it, as if the slider had been moved there
  const follow = (place, here = () => true) => {
    if (place.dataset.followed) return;
    place.dataset.followed = "true";
    place.on("plotly_click", ({ points }) => {
      const clicked = Number(Array.from(points[0].customdata ?? []).at(-1));
      const steps = place.layout.sliders?.[0].steps;
      if (!steps || !Number.isFinite(clicked) || !here()) return;
      const away = (step) => Math.abs(Number(step.value) - clicked);
      const nearest = steps.reduce((best, step, at) => (away(step) < away(steps[best]) ? at : best), 0);
      const [data, layout, traces] = steps[nearest].args;
      Plotly.update(place, data, { ...layout, "sliders[0].active": nearest }, traces);
    });
  };

  show(remembered() || asked());
  return { scheme: () => root.dataset.scheme, toggle, fitted, follow };
})();
