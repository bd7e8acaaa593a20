// Plays a figure's slider: a button beside it, which every figure gets whose layout asks for one.
"use strict";
(() => {
  const PAUSE = 220; // milliseconds from stop to stop
  const SIZE = 30;
  const DRAWINGS = { play: "M9 6.5v11l9-5.5z", pause: "M8 6.5h3v11h-3z M13.5 6.5h3v11h-3z" };
  const TOLD = { play: "Play the steps", pause: "Pause" };

  const sliderOf = (graph) => (graph.layout?.meta?.player ? graph.layout.sliders?.[0] : undefined);

  const drawing = () => {
    const [svg, path] = ["svg", "path"].map((name) =>
      document.createElementNS("http://www.w3.org/2000/svg", name),
    );
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    svg.style.cssText = "display:block;width:100%;height:100%;fill:currentColor;pointer-events:none";
    svg.append(path);
    return svg;
  };

  const buttonOf = () => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "player";
    button.style.cssText =
      `position:absolute;z-index:5;width:${SIZE}px;height:${SIZE}px;padding:3px;cursor:pointer;` +
      "border:1px solid var(--border);border-radius:8px;background:var(--card);color:var(--ink)";
    button.append(drawing());
    return button;
  };

  class Player {
    constructor(graph) {
      this.graph = graph;
      this.button = buttonOf();
      this.playing = null;
      this.show();
      graph.append(this.button);
      this.button.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
      this.button.addEventListener("keydown", (event) => this.pressed(event));
      graph.on("plotly_afterplot", () => this.place());
      graph.on("plotly_sliderstart", () => this.pause());
      this.place();
    }

    // beside the rail, wherever plotly has put it
    place() {
      const rail = this.graph.querySelector(".slider-rail-rect");
      this.button.hidden = !rail || !sliderOf(this.graph);
      if (this.button.hidden) return this.pause();
      const [inner, outer] = [rail, this.graph].map((each) => each.getBoundingClientRect());
      if (getComputedStyle(this.graph).position === "static") this.graph.style.position = "relative";
      this.button.style.left = `${inner.left - outer.left - SIZE - 14}px`;
      this.button.style.top = `${inner.top - outer.top + inner.height / 2 - SIZE / 2}px`;
    }

    play() {
      const { active, steps } = sliderOf(this.graph);
      if (active === steps.length - 1) this.go(0);
      this.playing = setTimeout(() => this.tick(), PAUSE);
      this.show();
    }

    pause() {
      clearTimeout(this.playing);
      this.playing = null;
      this.show();
    }

    // the next stop is waited for: a slow page plays slowly, and misses nothing
    async tick() {
      const slider = this.graph.isConnected && sliderOf(this.graph);
      if (!slider || slider.active >= slider.steps.length - 1) return this.pause();
      await this.go(slider.active + 1);
      if (this.playing) this.playing = setTimeout(() => this.tick(), PAUSE);
    }

    // only what the stop changes: ranges that were zoomed into stay as they are
    go(stop) {
      const { steps } = sliderOf(this.graph);
      const [data, layout, traces] = steps[stop].args;
      const moved = { ...layout, "sliders[0].active": stop };
      return window.Plotly.update(this.graph, data, moved, traces);
    }

    pressed(event) {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const { active, steps } = sliderOf(this.graph);
      if (!way || !steps[active + way]) return;
      event.preventDefault();
      this.pause();
      this.go(active + way);
    }

    show() {
      const next = this.playing ? "pause" : "play";
      this.button.querySelector("path").setAttribute("d", DRAWINGS[next]);
      this.button.title = TOLD[next];
      this.button.setAttribute("aria-label", TOLD[next]);
    }
  }

  const players = new WeakMap();
  let looking = false;
  const look = () => {
    looking = false;
    for (const graph of document.querySelectorAll(".js-plotly-plot")) {
      if (players.has(graph) || !graph.on || !sliderOf(graph)) continue;
      players.set(graph, new Player(graph));
    }
  };
  const soon = () => {
    if (looking) return;
    looking = true;
    requestAnimationFrame(look);
  };
  new MutationObserver(soon).observe(document.documentElement, { childList: true, subtree: true });
  const onPaper = (hidden) => () =>
    document.querySelectorAll("button.player").forEach((each) => {
      each.style.visibility = hidden ? "hidden" : "";
    });
  window.addEventListener("beforeprint", onPaper(true));
  window.addEventListener("afterprint", onPaper(false));
})();
