// Opens what the report carries, draws a figure when it comes near, and all of them for paper.
"use strict";
(() => {
  const [WIDTH, HEIGHT] = [966, 1200]; // pixels of a figure on A4, as small as print.css makes the page
  const root = document.documentElement;
  const narrow = matchMedia("(max-width: 1180px)");
  const element = (id) => document.getElementById(id);

  const opened = async (id) => {
    const { textContent, dataset } = element(id);
    if (dataset.form === "plain") return textContent;
    const bytes = Uint8Array.from(atob(textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  const library = async () => {
    const script = document.createElement("script");
    script.textContent = await opened("library");
    document.head.append(script); // runs at once
  };

  // equal arrays are kept once, beside the figures
  const withArrays = (value, arrays) => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map((each) => withArrays(each, arrays));
    if ("array" in value && Object.keys(value).length === 1) return arrays[value.array];
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withArrays(each, arrays)]));
  };

  let told = null;
  const drawn = new Set();
  const places = () => [...document.querySelectorAll(".panel > .figure")];

  // several drawings of one result: which of them the buttons above it say
  const chosen = (panel) =>
    [panel.id, ...panel.querySelectorAll(".controls [aria-pressed='true']")]
      .map((each) => each.textContent ?? each)
      .join(" ");

  const draw = (place, { scheme, width } = {}) => {
    const panel = place.closest(".panel");
    const figure = withArrays(told.figures[chosen(panel)] ?? told.figures[panel.id], told.arrays);
    if (width) figure.layout.width = width;
    drawn.add(place);
    return window.fathomFigures.draw(place, figure, scheme);
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest(".controls button");
    if (!button || !told) return;
    for (const other of button.parentElement.children) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    draw(button.closest(".panel").querySelector(".figure"));
  });

  const watchFigures = () => {
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (!isIntersecting) continue;
          watcher.unobserve(target);
          if (!drawn.has(target)) draw(target);
        }
      },
      { rootMargin: "600px" },
    );
    places().forEach((place) => watcher.observe(place));
  };

  // paper is white, as wide as it is, and nothing on it can be opened
  let closed = [];
  const toPaper = () => {
    closed = [...document.querySelectorAll("main details:not([open], .page, .recorded *)")];
    closed.forEach((each) => (each.open = true));
    return Promise.all(
      places().map((place) => {
        const high = place.layout?.height ?? parseFloat(place.style.getPropertyValue("--high"));
        const share = Math.min(1, HEIGHT / high); // a taller one would be cut in two
        const width = Math.round(WIDTH / share);
        place.style.setProperty("--share", share);
        place.style.width = `${width}px`;
        return draw(place, { scheme: "light", width });
      }),
    );
  };
  const fromPaper = () => {
    closed.forEach((each) => (each.open = false));
    for (const place of places()) {
      place.style.width = "";
      draw(place).then(() => window.Plotly.Plots.resize(place));
    }
  };

  const keepInView = (list, link) => {
    const [outer, inner] = [list, link].map((each) => each.getBoundingClientRect());
    if (inner.top < outer.top + 40) list.scrollTop -= outer.top + 40 - inner.top;
    if (inner.bottom > outer.bottom - 40) list.scrollTop += inner.bottom - outer.bottom + 40;
  };

  // where the reader is, in the list of contents
  const followReader = () => {
    const list = document.querySelector(".contents");
    const links = new Map([...list.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
    const parts = [...document.querySelectorAll("main [id]")].filter((part) => links.has(part.id));
    let here = null;
    const look = () => {
      const reached = parts.filter((part) => part.getBoundingClientRect().top < innerHeight / 3).at(-1);
      const link = links.get((reached ?? parts[0])?.id);
      if (!link || link === here) return;
      here?.removeAttribute("aria-current");
      here?.closest("div").classList.remove("here");
      link.setAttribute("aria-current", "true");
      link.closest("div").classList.add("here");
      if (!narrow.matches) keepInView(list, link);
      here = link;
    };
    list.classList.add("followed");
    let asked = false;
    addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => ((asked = false), look()));
    }, { passive: true });
    look();
  };

  const fold = () => (element("contents").open = !narrow.matches);
  narrow.addEventListener("change", fold);
  element("contents").addEventListener("click", ({ target }) => {
    if (narrow.matches && target.closest("a")) fold();
  });

  const complain = (error) => {
    const said = document.createElement("p");
    said.className = "notice";
    said.textContent = window.DecompressionStream
      ? `The pictures cannot be drawn: ${error.message}`
      : "This browser is too old to open the pictures (it has no DecompressionStream): the words remain.";
    element("main").prepend(said);
  };

  const start = async () => {
    const [text] = await Promise.all([opened("figures"), library()]);
    told = JSON.parse(text);
    addEventListener("beforeprint", toPaper);
    addEventListener("afterprint", fromPaper);
    if (root.classList.contains("paper")) await toPaper();
    else watchFigures();
    root.dataset.ready = "true";
  };
  fold();
  followReader();
  start().catch(complain);
})();
