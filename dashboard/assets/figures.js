// Draws a figure into its place: in the scheme that is on, as wide as the page, where it was zoomed.
"use strict";
window.fathomFigures = (() => {
  const { config: told, swaps, whole } = JSON.parse(document.getElementById("look").textContent);
  const { buttons, nameOf } = window.fathomDownload;
  const configOf = (place) => ({
    ...told,
    modeBarButtonsToAdd: buttons,
    toImageButtonOptions: { filename: nameOf(place), scale: 2 },
  });
  const NARROW = "(max-width: 700px)"; // a phone: what stands side by side goes under one another
  const SOLID = ["surface", "scatter3d"]; // drawn by a part of plotly that few pages need
  const places = new Set();

  // A copy, in other colours: plotly writes into what it is given. Numbers stay the same object,
  // by which plotly sees that they have not changed.
  const recoloured = (value, colours) => {
    if (typeof value === "string") return Object.hasOwn(colours, value) ? colours[value] : value;
    if (Array.isArray(value)) {
      return ArrayBuffer.isView(value[0]) ? value : value.map((each) => recoloured(each, colours));
    }
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, recoloured(each, colours)]));
  };

  const merged = (under, over) => {
    if (over === null || typeof over !== "object" || Array.isArray(over)) return over;
    const both = { ...under };
    for (const [key, value] of Object.entries(over)) both[key] = merged(both[key], value);
    return both;
  };

  // A figure brings along what of its layout is otherwise on a narrow page.
  const fitted = (layout) =>
    layout.meta?.narrow && matchMedia(NARROW).matches ? merged(layout, layout.meta.narrow) : layout;

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  // A new picture of what is already shown keeps the ranges its viewer chose.
  const keepZoom = (layout, shown) => {
    const before = shown?.meta;
    if (!before || before.run !== layout.meta?.run || before.picture !== layout.meta.picture) return;
    if (shown.scene?.camera && layout.scene) layout.scene.camera = shown.scene.camera;
    for (const [axis, range] of Object.entries(before.ranges ?? {})) {
      const chosen = shown[axis]?.range;
      if (chosen && layout[axis] && !shown[axis].autorange && !same(chosen, range)) {
        layout[axis] = { ...layout[axis], range: [...chosen] };
      }
    }
  };

  let loading = null;
  const drawer = (data) => {
    if (!whole || !data.some((trace) => SOLID.includes(trace.type))) return Promise.resolve();
    loading ??= new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: whole, onload: resolve, onerror: reject });
      document.head.append(script);
    });
    return loading;
  };

  const forget = () => {
    for (const place of places) {
      if (place.isConnected) continue;
      places.delete(place);
      if (place.layout) window.Plotly.purge(place);
    }
  };

  const drawNow = async (place, figure, scheme = window.fathom.scheme()) => {
    await drawer(figure.data);
    if (place.fathomFigure !== figure || !place.isConnected) return; // something newer came meanwhile
    const { data, layout: asked } = recoloured(figure, scheme === "dark" ? swaps : {});
    const layout = fitted(asked);
    keepZoom(layout, place.layout);
    place.style.minHeight = place.style.height = `${layout.height}px`;
    await window.Plotly.react(place, data, layout, configOf(place));
    window.fathomLinked.follow(place);
  };

  const broken = (place) => (error) => {
    const told = document.createElement("p");
    told.className = "notice";
    told.textContent = `This picture could not be drawn: ${error.message ?? error}`;
    place.replaceChildren(told);
  };

  // a hidden page has no frames
  const frame = () =>
    new Promise((resolve) => {
      const late = setTimeout(resolve, 100);
      requestAnimationFrame(() => {
        clearTimeout(late);
        setTimeout(resolve);
      });
    });

  // One a frame: the first is seen while the others are still being drawn. For paper, in a scheme
  // of its own, there is no time.
  let turn = Promise.resolve();
  const draw = (place, figure, scheme) => {
    forget();
    places.add(place);
    place.fathomFigure = figure;
    if (scheme) return drawNow(place, figure, scheme);
    const drawn = turn.then(() => drawNow(place, figure)).catch(broken(place));
    turn = drawn.then(frame);
    return drawn;
  };

  const shown = () => [...places].filter((each) => each.isConnected);
  const drawAgain = (scheme) => shown().forEach((place) => drawNow(place, place.fathomFigure, scheme));
  document.addEventListener("fathom:scheme", () => drawAgain());
  matchMedia(NARROW).addEventListener("change", () => drawAgain());
  // paper is white
  window.addEventListener("beforeprint", () => drawAgain("light"));
  window.addEventListener("afterprint", () => drawAgain());

  return { draw, places: () => shown().filter((each) => each.layout) };
})();
