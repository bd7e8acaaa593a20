// The address says all that is looked at: read here, changed here, and nowhere else.
"use strict";
window.fathomAddress = (() => {
  const NUMBERS = ["step", "smooth"];
  const LISTS = ["view", "with"];
  const LASTING = ["page", "run", "layer", "with"]; // a change of these is a place to come back to

  const number = (text) => (text === null || text === "" || !Number.isFinite(Number(text)) ? null : Number(text));

  const read = () => {
    const query = new URLSearchParams(location.search);
    const told = Object.fromEntries(query.entries());
    for (const name of NUMBERS) told[name] = number(query.get(name));
    for (const name of LISTS) told[name] = query.getAll(name);
    return { ...told, page: query.get("page") || "overview" };
  };

  const written = (changes) => {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
      query.delete(name);
      for (const each of [value].flat()) {
        if (each !== null && each !== undefined && each !== "") query.append(name, each);
      }
    }
    return `${location.pathname}?${query.toString().replaceAll("%2F", "/")}`;
  };

  let page = null;

  // every part of the page learns of it
  const tell = () => {
    const now = read();
    window.dash_clientside?.set_props?.("address", { data: now });
    if (now.page !== page) {
      page = now.page;
      window.dash_clientside?.set_props?.("page", { data: page });
    }
    document.dispatchEvent(new CustomEvent("fathom:address", { detail: now }));
  };

  const go = (changes) => {
    const target = written(changes);
    if (target === location.pathname + location.search) return;
    const lasting = LASTING.some((name) => name in changes);
    history[lasting ? "pushState" : "replaceState"](null, "", target);
    tell();
  };

  const here = (link) => link.origin === location.origin && link.pathname === location.pathname;

  const follow = (link) => {
    const before = read();
    history.pushState(null, "", link.href);
    tell();
    const now = read();
    if (now.page !== before.page || now.run !== before.run) window.scrollTo(0, 0);
    window.fathomPictures?.reach(location.hash.slice(1));
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.download || !here(link)) return;
    event.preventDefault();
    follow(link);
  });
  window.addEventListener("popstate", tell);

  // a control of the page that stands for a part of the address: data-address="smooth"
  document.addEventListener("input", ({ target }) => {
    const name = target.dataset?.address;
    if (name) go({ [name]: target.type === "checkbox" && !target.checked ? "" : target.value });
  });

  // a button that chooses one of several: data-set="view" data-to="rms"
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-set]");
    if (!button) return;
    const { set, to } = button.dataset;
    const row = Array.from(button.parentElement.children, (each) => each.dataset.to);
    // of a list it replaces only what stands in its own row
    const others = LISTS.includes(set) ? read()[set].filter((each) => !row.includes(each)) : [];
    go({ [set]: [...others, to] });
  });

  // called once, by the shell: what the address says at first
  const start = () => {
    const now = read();
    page = now.page;
    setTimeout(() => document.dispatchEvent(new CustomEvent("fathom:address", { detail: now })));
    return [now, page];
  };

  return { read, go, written, start };
})();
