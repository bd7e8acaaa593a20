// One step for all pictures of a run: a click in one shows it in each, the pointer shows where it is.
"use strict";
window.fathomLinked = (() => {
  const sameRun = (place) => {
    const run = place.closest(".run");
    return window.fathomFigures.places().filter((each) => each.closest(".run") === run);
  };

  // the step under the pointer: what the point says of itself, or where it is
  const toldOf = (place, points) => {
    const point = points?.[0];
    const axis = place.layout?.meta?.steps;
    if (point?.customdata === undefined) {
      const along = (place.layout?.meta?.axes ?? [""]).map((suffix) => `x${suffix}`);
      if (!axis || typeof point?.x !== "number" || !along.includes(point.xaxis?._id ?? "x")) return null;
      return Math.round(axis.log ? 10 ** point.x - axis.shift : point.x);
    }
    const told = point.customdata;
    const step = Number(typeof told === "number" ? told : Array.from(told ?? []).at(-1));
    return Number.isFinite(step) ? step : null;
  };

  const positionOf = ({ log, shift }, step) => (log ? Math.log10(step + shift) : step);

  const isOfSteps = (place) => place.layout?.meta?.steps !== undefined;

  // as if the slider had been moved there; a picture without one has a line that marks the step
  const show = (place, step) => {
    const slider = place.layout?.sliders?.[0];
    return slider && isOfSteps(place) ? slide(place, slider, step) : mark(place, step);
  };

  const slide = (place, slider, step) => {
    const away = (stop) => Math.abs(Number(stop.value) - step);
    const last = slider.steps.length - 1;
    const nearest =
      step === null ? last : slider.steps.reduce((best, stop, at) => (away(stop) < away(slider.steps[best]) ? at : best), 0);
    if (slider.active === nearest) return undefined;
    const [data, layout, traces] = slider.steps[nearest].args;
    return window.Plotly.update(place, data, { ...layout, "sliders[0].active": nearest }, traces);
  };

  const mark = (place, step) => {
    if (!isOfSteps(place)) return undefined;
    const axis = place.layout.meta.steps;
    const at = step === null ? 0 : positionOf(axis, step);
    const changes = (place.layout.shapes ?? []).flatMap((shape, n) => {
      if (shape.name !== "step" || (shape.x0 === at && shape.visible === (step !== null))) return [];
      return [["visible", step !== null], ["x0", at], ["x1", at]].map(([what, to]) => [`shapes[${n}].${what}`, to]);
    });
    return changes.length ? window.Plotly.relayout(place, Object.fromEntries(changes)) : undefined;
  };

  let chosen = null; // the step that everything shows; null: each picture its own
  let telling = {}; // of each picture, the step that its verdict speaks of

  const settle = (place) => {
    const name = place.id.replace(/-figure$/, "");
    const step = chosen ?? telling[name] ?? null;
    if (step !== null) show(place, step);
  };

  const choose = (place, step) => {
    chosen = step;
    for (const each of sameRun(place)) show(each, step);
    document.dispatchEvent(new CustomEvent("fathom:step", { detail: step }));
  };

  // from outside, such as an address: every picture there is, and those that come later
  const chooseAll = (step) => {
    if (step === chosen) return;
    chosen = step;
    for (const place of window.fathomFigures.places()) chosen === null ? show(place, null) : settle(place);
  };

  const tell = (steps) => {
    telling = steps ?? {};
    if (chosen === null) window.fathomFigures.places().forEach(settle);
    return window.dash_clientside?.no_update;
  };

  // a thin line over the picture costs nothing, a shape in it would draw it anew
  const lineOf = (place, kind) => {
    const found = place.querySelector(`:scope > .pointer.${kind}`);
    if (found) return found;
    const line = Object.assign(document.createElement("div"), { className: `pointer ${kind}` });
    place.append(line);
    return line;
  };

  const axesOf = (place) => {
    const full = place._fullLayout;
    return (place.layout.meta.axes ?? [""]).flatMap((suffix) => {
      const x = full[`xaxis${suffix}`];
      const y = full[(x?.anchor ?? "y").replace("y", "yaxis")];
      return x && y ? [[x, y]] : [];
    });
  };

  const placed = (line, shown, style) => {
    line.hidden = !shown;
    line.style.cssText = style;
  };

  // a line in every chart over steps; in the first, where its rows are layers, the row too
  const pointAt = (place, step, layer) => {
    axesOf(place).forEach(([x, y], n) => {
      const across = x.d2p(positionOf(place.layout.meta.steps, step));
      const where = `left:${x._offset + across}px;top:${y._offset}px;height:${y._length}px`;
      placed(lineOf(place, `upright-${n}`), across >= 0 && across <= x._length, where);
      // plotly takes a name that is none of its categories for a number
      if (n > 0 || !place.layout.meta.layers || !y._categories?.includes(layer)) return;
      const down = y.d2p(layer);
      const row = `left:${x._offset}px;top:${y._offset + down}px;width:${x._length}px`;
      placed(lineOf(place, "level"), down >= 0 && down <= y._length, row);
    });
  };

  const point = (place, { points }) => {
    const step = toldOf(place, points);
    const layer = place.layout.meta?.layers ? points[0].y : null;
    for (const other of sameRun(place)) {
      if (other !== place && step !== null && isOfSteps(other)) pointAt(other, step, layer);
    }
  };

  const unpoint = () => {
    for (const line of document.querySelectorAll(".pointer")) line.hidden = true;
  };

  const slid = (place, { slider, step }) => {
    if (!isOfSteps(place)) return;
    const isLast = step.value === slider.steps.at(-1).value; // there it follows the run as it grows
    choose(place, isLast ? null : Number(step.value));
  };

  const clicked = (place, { points }) => {
    const told = toldOf(place, points);
    const slider = place.layout.sliders?.[0];
    if (told === null) return;
    if (isOfSteps(place)) choose(place, told);
    else if (slider) slide(place, slider, told); // its own: draws, or places
  };

  // for those who hear the page
  const name = (place) => {
    const section = place.closest("section");
    const told = ["h2", ".question"].map((part) => section?.querySelector(part)?.textContent);
    place.setAttribute("role", "figure");
    place.setAttribute("aria-label", told.filter(Boolean).join(": "));
    const caption = document.getElementById(place.id.replace(/-figure$/, "-caption"));
    if (caption) place.setAttribute("aria-describedby", caption.id);
  };

  const follow = (place) => {
    settle(place);
    if (place.fathomFollowed) return;
    place.fathomFollowed = true;
    name(place);
    place.on("plotly_click", (told) => clicked(place, told));
    place.on("plotly_hover", (told) => point(place, told));
    place.on("plotly_unhover", unpoint);
    place.on("plotly_sliderchange", (told) => slid(place, told));
  };

  // a verdict's link goes to a picture, and to its step there once it is drawn
  const reach = (name, step, tries = 50) => {
    const place = document.getElementById(`${name}-figure`);
    if (place?.layout) choose(place, step);
    else if (tries > 0) setTimeout(() => reach(name, step, tries - 1), 100);
  };
  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.("a[data-place]");
    if (link) reach(link.dataset.place, Number(link.dataset.step));
  });

  return { follow, chooseAll, tell };
})();
