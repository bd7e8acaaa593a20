// The keyboard: every page and every step without a mouse. `?` says which keys there are.
"use strict";
(() => {
  const KEYS = [
    ["1 … 9", "the pages, from the top"],
    ["/", "search, or choose a run"],
    ["← →", "one step back, one step on"],
    ["Home End", "the first step, the latest"],
    ["↑ ↓ x + Enter", "on Runs: move, choose, tag, open"],
    ["t", "light or dark"],
    ["?", "this list"],
    ["Esc", "close, or leave the search"],
  ];

  const make = (tag, text, ...inside) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    made.append(...inside);
    return made;
  };

  const dialog = () => {
    const found = document.getElementById("keys");
    if (found) return found;
    const rows = KEYS.flatMap(([keys, does]) => [make("dt", "", make("kbd", keys)), make("dd", does)]);
    const close = make("button", "Close");
    const made = make("dialog", "", make("h2", "Keys"), make("dl", "", ...rows), close);
    made.id = "keys";
    made.setAttribute("aria-label", "Keys");
    close.className = "action plain";
    made.addEventListener("click", ({ target }) => {
      if (target === made || target === close) made.close(); // beside it, or on its button
    });
    document.body.append(made);
    return made;
  };

  // the steps at which the first picture that has some shows something
  const steps = () => {
    for (const place of window.fathomFigures.places()) {
      const axis = place.layout.meta?.steps;
      const along = (place.layout.meta?.axes ?? [""]).map((suffix) => `x${suffix}`);
      const trace =
        axis &&
        place.data.find(
          ({ x, x0, z, xaxis }) => along.includes(xaxis ?? "x") && (x?.length > 1 || (x0 !== undefined && z)),
        );
      if (!trace) continue;
      const length = trace.x?.length ?? trace.z[0].length;
      const places = Array.from({ length }, (_, n) => trace.x?.[n] ?? trace.x0 + n * trace.dx);
      const found = places.map((at) => Math.round(axis.log ? 10 ** at - axis.shift : at));
      return [...new Set(found)].sort((one, other) => one - other);
    }
    return [];
  };

  const move = (way) => {
    const [all, now] = [steps(), window.fathomAddress.read().step];
    if (!all.length) return;
    const ahead = way > 0 ? all.find((each) => each > (now ?? Infinity)) : all.findLast((each) => each < (now ?? Infinity));
    window.fathomAddress.go({ step: ahead ?? (way > 0 ? null : all[0]) });
  };

  const search = () => {
    const field = document.querySelector("main input[type=search]") ?? document.getElementById("chooser");
    field?.focus();
    field?.select();
  };

  const turn = (number) => document.querySelectorAll("a[data-page]")[number - 1]?.click();

  const help = () => (dialog().open ? dialog().close() : dialog().showModal());
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.(".ask-keys")) help();
  });

  const DOES = {
    "/": search,
    "?": help,
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
    Home: () => window.fathomAddress.go({ step: steps()[0] ?? null }),
    End: () => window.fathomAddress.go({ step: null }),
    t: () => document.getElementById("toggle").click(),
  };

  const isWriting = (target) => target.closest?.("input, textarea, select, [contenteditable], [role=tree], [role=grid]");

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && isWriting(target)) return target.blur();
    if (isWriting(target)) return undefined;
    const does = DOES[key] ?? (/^[1-9]$/.test(key) ? () => turn(Number(key)) : null);
    if (!does) return undefined;
    event.preventDefault();
    return does();
  });
})();
