// The frame around the pages: which of them is shown, the run that all links keep, and the news.
"use strict";
window.fathomShell = (() => {
  const now = { address: null, cursor: null, tick: null, verdict: null };
  const none = () => window.dash_clientside.no_update;
  const chooser = () => document.getElementById("chooser");

  // a page's own copies of what the frame knows, with which its callbacks work
  const mirror = () => {
    for (const holder of document.querySelectorAll("[data-mirror]")) {
      const seen = (holder.fathomSeen ??= {});
      for (const [what, value] of Object.entries(now)) {
        const key = JSON.stringify(value);
        if (value === null || seen[what] === key) continue;
        seen[what] = key;
        window.dash_clientside.set_props(`${holder.dataset.mirror}-${what}`, { data: value });
      }
    }
    window.fathomPictures.arrange();
  };

  const learn = (news) => {
    Object.assign(now, news);
    mirror();
    return none();
  };

  // what takes the server longer is asked for until it is there
  const askAgain = (count) => {
    if (count) setTimeout(() => window.dash_clientside.set_props("again", { data: count }), 300);
    return none();
  };

  // a page has come: it is in its place a moment later
  const settle = () => {
    setTimeout(mirror);
    return none();
  };

  const offer = (names) => {
    const options = (names ?? []).map((value) => Object.assign(document.createElement("option"), { value }));
    document.getElementById("run-names").replaceChildren(...options);
    return none();
  };

  // for those who hear the page: what has changed of it without a word
  const say = (told) => {
    document.getElementById("spoken").textContent = told;
  };

  const entitle = () => {
    const page = now.address?.page;
    const link = document.querySelector(`a[data-page="${CSS.escape(page ?? "")}"]`);
    const run = link?.dataset.alone === undefined ? now.cursor?.run : null;
    const title = [link?.textContent, run, "Fathom"].filter(Boolean).join(" · ");
    if (title === document.title) return;
    document.title = title;
    say(title);
  };

  const follow = (cursor) => {
    const before = now.cursor;
    if (cursor && document.activeElement !== chooser()) chooser().value = cursor.run;
    learn({ cursor });
    entitle();
    if (before?.run === cursor?.run && before?.state !== cursor?.state) say(`${cursor.run}: ${cursor.state}`);
    return none();
  };

  // on a phone the pages stand in a row that is wider than it
  const bringIntoSight = (link) => {
    const row = link.parentElement;
    row.scrollLeft = link.offsetLeft - row.offsetLeft - (row.clientWidth - link.clientWidth) / 2;
  };

  // what stood in the page before any script ran gives way to the first picture
  const arrive = () => document.getElementById("first-sight")?.remove();
  setTimeout(arrive, 4000);

  const show = (address) => {
    if (address.page !== "overview" || now.address) arrive(); // somewhere else
    document.body.dataset.page = address.page;
    for (const link of document.querySelectorAll("a[data-page]")) {
      const { page } = link.dataset;
      link.href = window.fathomAddress.written({ page, view: null, layer: page === "layers" ? address.layer : null });
      link.removeAttribute("aria-current");
      if (page !== address.page) continue;
      link.setAttribute("aria-current", "page");
      document.body.toggleAttribute("data-alone", link.dataset.alone !== undefined);
      bringIntoSight(link);
    }
    if (address.theme) window.fathom.show(address.theme);
    learn({ address });
    entitle();
  };
  document.addEventListener("fathom:address", ({ detail }) => show(detail));

  // the theme is part of what is shared
  document.addEventListener("fathom:scheme", () => {
    const theme = window.fathom.scheme();
    if (now.address && window.fathomAddress.read().theme !== theme) window.fathomAddress.go({ theme });
  });

  // whoever comes to it wants another run
  document.addEventListener("focusin", ({ target }) => {
    if (target === chooser()) target.select();
  });

  document.addEventListener("change", ({ target }) => {
    if (target !== chooser() || !target.value) return;
    const names = [...target.list.options].map((each) => each.value);
    const isKnown = !names.length || names.includes(target.value);
    if (isKnown) window.fathomAddress.go({ run: target.value, layer: null, step: null, view: null });
    else target.value = now.cursor?.run ?? "";
  });

  // taken before anything else takes it for a way to another page
  const skip = (event) => {
    if (!event.target.closest?.(".skip")) return;
    event.preventDefault();
    const main = document.getElementById("main");
    main.tabIndex = -1;
    main.focus();
  };
  document.addEventListener("click", skip, { capture: true });

  // a page nobody sees asks for nothing
  document.addEventListener("visibilitychange", () => {
    window.dash_clientside?.set_props?.("tick", { disabled: document.hidden });
  });

  return { now, learn, settle, askAgain, arrive, offer, follow };
})();
