// Draws a figure in a notebook's output, in the colours of the notebook; called with what to draw.
(async ({ place: name, figure, library, config, swaps, packed }) => {
  // a cell that was copied with its output has a twin of the same name
  const place = [...document.querySelectorAll(`[id="${name}"]`)].find((each) => !each.dataset.taken);
  if (!place) return;
  place.dataset.taken = "yes";

  const unpacked = async () => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  // In a name of our own: the page may have another plotly.
  const loaded = async () => {
    const script = document.createElement("script");
    const own = `fathomPlotly_${library}`;
    script.textContent = `window.${own} = (() => { ${await unpacked()}\nreturn Plotly; })();`;
    document.head.append(script);
    return window[own];
  };

  const recoloured = (value, colours) => {
    if (typeof value === "string") return colours[value] ?? value;
    if (Array.isArray(value)) return value.map((each) => recoloured(each, colours));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, recoloured(each, colours)]));
  };

  const merged = (under, over) => {
    if (over === null || typeof over !== "object" || Array.isArray(over)) return over;
    const both = { ...under };
    for (const [key, value] of Object.entries(over)) both[key] = merged(both[key], value);
    return both;
  };

  // Light ink means a dark page.
  const dark = () => {
    const [red, green, blue] = getComputedStyle(place).color.match(/[\d.]+/g).map(Number);
    return 0.3 * red + 0.59 * green + 0.11 * blue > 128;
  };

  try {
    const known = (window.fathomLibraries ??= {});
    const Plotly = await (known[library] ??= loaded());
    const { data, layout } = recoloured(figure, dark() ? swaps : {});
    const narrow = place.clientWidth < 700 && layout.meta?.narrow;
    const fitted = narrow ? merged(layout, layout.meta.narrow) : layout;
    const clear = "rgba(0,0,0,0)"; // the notebook's own paper
    const paper = { paper_bgcolor: clear, plot_bgcolor: clear };
    place.textContent = "";
    place.style.minHeight = `${fitted.height ?? 400}px`;
    await Plotly.newPlot(place, data, { ...fitted, ...paper }, config);
  } catch (error) {
    place.textContent = `This picture could not be drawn: ${error}`;
  }
})
