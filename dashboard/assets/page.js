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

  // as if the slider had been moved there; a picture without one has a line that marks the step
  const showStep = (place, wanted) => {
    const steps = place.layout.sliders?.[0].steps;
    if (!steps) return mark(place, wanted);
    const away = (step) => Math.abs(Number(step.value) - wanted);
    const nearest = steps.reduce((best, step, at) => (away(step) < away(steps[best]) ? at : best), 0);
    const [data, layout, traces] = steps[nearest].args;
    return Plotly.update(place, data, { ...layout, "sliders[0].active": nearest }, traces);
  };

  const mark = (place, step) => {
    const axis = place.layout.meta?.steps;
    if (!axis) return;
    const at = axis.log ? Math.log10(step + axis.shift) : step;
    const changes = (place.layout.shapes ?? []).flatMap((shape, n) => {
      if (shape.name !== "step") return [];
      return [["visible", true], ["x0", at], ["x1", at]].map(([what, to]) => [`shapes[${n}].${what}`, to]);
    });
    Plotly.relayout(place, Object.fromEntries(changes));
  };

  // a click on a step shows it
  const follow = (place, here = () => true) => {
    if (place.dataset.followed) return;
    place.dataset.followed = "true";
    place.on("plotly_click", ({ points }) => {
      const told = points[0].customdata;
      const clicked = Number(typeof told === "number" ? told : Array.from(told ?? []).at(-1));
      if (Number.isFinite(clicked) && here()) showStep(place, clicked);
    });
  };

  // a verdict's link goes to a picture, and to its step there once it is drawn
  const go = (name, step, tries = 50) => {
    const own = document.getElementById(`${name}-figure`);
    const place = own?.querySelector(".js-plotly-plot") ?? own;
    if (place?.layout) {
      showStep(place, step);
      const { run } = place.layout.meta ?? {};
      if (run) window.dash_clientside?.set_props?.(`${name}-step`, { data: { run, step } });
    } else if (tries > 0) {
      setTimeout(() => go(name, step, tries - 1), 100);
    }
  };
  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.("[data-place] a")?.parentElement;
    if (link) go(link.dataset.place, Number(link.dataset.step));
  });

  show(remembered() || asked());
  return { scheme: () => root.dataset.scheme, toggle, fitted, follow };
})();
