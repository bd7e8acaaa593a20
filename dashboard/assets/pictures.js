// The app's pictures: each asks for what the address wants of it, once it is near to being seen.
"use strict";
window.fathomPictures = (() => {
  const NEAR = { rootMargin: "600px" };
  const asked = new WeakMap(); // by a picture's section, what was asked last
  const waiting = new WeakMap(); // what those want that nobody sees yet
  const near = new WeakSet();
  const watched = new WeakSet();
  let results = null; // what is stored of the run

  const placeOf = (name) => document.getElementById(`${name}-figure`);

  const ask = (section, value) => {
    const have = placeOf(section.id)?.fathomVersion ?? null;
    window.dash_clientside.set_props(`${section.id}-wanted`, { data: { ...value, have } });
  };

  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) {
        near.delete(target);
        continue;
      }
      near.add(target);
      const value = waiting.get(target);
      waiting.delete(target);
      if (value) ask(target, value);
    }
  }, NEAR);

  // of the address only what this picture takes
  const optionsOf = (section, address) =>
    Object.fromEntries(JSON.parse(section.dataset.options).map((option) => [option, address[option] ?? null]));

  // of what was recorded: anew when the run grew; unseen it waits
  const recorded = (section, address, cursor) => {
    const value = { ...cursor, ...optionsOf(section, address) };
    const key = JSON.stringify(value);
    if (asked.get(section)?.key === key) return;
    asked.set(section, { key, value });
    if (near.has(section)) return ask(section, value);
    waiting.set(section, value);
    if (!watched.has(section)) watcher.observe(section);
    watched.add(section);
  };

  // of what was computed on demand: only when it is stored anew, or wanted otherwise
  const stored = (section, address) => {
    const { run, program } = results;
    const [stamps, before] = [results.stamps, results.before].map((all) => all[section.id] ?? []);
    const options = optionsOf(section, address);
    const key = JSON.stringify({ run, program, stamps, options });
    const listing = JSON.stringify([run, stamps]);
    const last = asked.get(section);
    if (last?.key === key) return;
    const value = { run, program, stamps, before, listed: last?.listing !== listing, ...options };
    asked.set(section, { key, value, listing });
    ask(section, value);
  };

  const arrange = () => {
    const { address, cursor } = window.fathomShell.now;
    if (!cursor) return;
    for (const section of document.querySelectorAll("section[data-options]")) {
      if (section.dataset.stored === undefined) recorded(section, address, cursor);
      else if (results && results.run === cursor.run && section.id in results.stamps) stored(section, address);
    }
  };

  const list = (found) => {
    results = found;
    arrange();
    return window.dash_clientside.no_update;
  };

  // a whole figure, or what changed of the one that is shown
  const arrived = (name, answer) => {
    const place = placeOf(name);
    if (!answer || !place) return window.dash_clientside.no_update;
    if (answer.base !== undefined && answer.base !== place.fathomVersion) {
      const section = document.getElementById(name);
      place.fathomVersion = null;
      ask(section, asked.get(section).value);
      return window.dash_clientside.no_update;
    }
    place.fathomVersion = answer.version;
    const { decoded, applied } = window.fathomDelta;
    const figure = answer.figure ? decoded(answer.figure) : applied(place.fathomFigure, answer.changes);
    window.fathomFigures.draw(place, figure).then(window.fathomShell.arrive);
    return answer.version;
  };

  // What stands above a picture comes after it and pushes it away: it is held in its place for a
  // while, unless the reader goes elsewhere.
  const HELD = 4000;
  const MOVES = ["wheel", "touchstart", "pointerdown", "keydown"];
  let release = () => {};
  const hold = (section) => {
    const place = () => section.isConnected && section.scrollIntoView({ behavior: "instant" });
    const growing = new ResizeObserver(place);
    release = () => {
      growing.disconnect();
      for (const move of MOVES) removeEventListener(move, release);
    };
    for (const move of MOVES) addEventListener(move, release, { passive: true });
    setTimeout(release, HELD);
    growing.observe(document.body); // tells of it at once, too
  };

  const reach = (name, tries = 30) => {
    release();
    if (!name) return;
    const section = document.getElementById(name);
    if (section) hold(section);
    else if (tries > 0) setTimeout(() => reach(name, tries - 1), 100);
  };

  document.addEventListener("fathom:step", ({ detail }) => window.fathomAddress.go({ step: detail }));
  document.addEventListener("fathom:address", ({ detail }) => window.fathomLinked.chooseAll(detail.step));
  if (location.hash) reach(location.hash.slice(1));

  return { arrange, list, arrived, reach };
})();
