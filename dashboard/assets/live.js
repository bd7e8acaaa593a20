// What the app does in the browser: keeps the zoom, tells the server which step a slider shows.
"use strict";
window.fathomLive = (() => {
  const followSlider = (figure, store, tries = 50) => {
    const graph = document.querySelector(`#${figure} .js-plotly-plot`);
    if (!graph || !graph.on) {
      // plotly.js is still loading
      if (tries > 0) setTimeout(() => followSlider(figure, store, tries - 1), 200);
      return;
    }
    if (graph.fathomFollowed) return;
    graph.fathomFollowed = true;
    // clicks on what is recorded go to the server
    window.fathom.follow(graph, () => graph.layout.meta?.player);
    graph.on("plotly_sliderchange", ({ slider, step }) => {
      const last = step.value === slider.steps.at(-1).value;
      const { run } = graph.layout.meta;
      // at the last stop the profile follows the run as it grows
      const data = { run, step: last ? null : Number(step.value) };
      window.dash_clientside.set_props(store, { data });
    });
  };

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  // A new picture of the run already shown keeps the ranges its viewer chose.
  const keepZoom = (drawn, graph) => {
    const before = graph?.layout?.meta;
    const { run, picture } = drawn.layout.meta;
    if (before?.run !== run || before.picture !== picture) return;
    if (graph.layout.scene?.camera) drawn.layout.scene.camera = graph.layout.scene.camera;
    for (const [axis, range] of Object.entries(before.ranges ?? {})) {
      const chosen = graph.layout[axis]?.range;
      if (chosen && !graph.layout[axis].autorange && !same(chosen, range)) {
        drawn.layout[axis] = { ...drawn.layout[axis], range: [...chosen] };
      }
    }
  };

  const show = (drawn, figure, store) => {
    if (!drawn) return window.dash_clientside.no_update;
    drawn.layout = window.fathom.fitted(drawn.layout);
    keepZoom(drawn, document.querySelector(`#${figure} .js-plotly-plot`));
    // a graph that only fills its parent collapses when the parent has no height of its own
    document.getElementById(figure).style.height = `${drawn.layout.height}px`;
    followSlider(figure, store);
    return drawn;
  };
  return { show };
})();

// a page nobody sees asks for nothing
document.addEventListener("visibilitychange", () => {
  window.dash_clientside?.set_props?.("tick", { disabled: document.hidden });
});
