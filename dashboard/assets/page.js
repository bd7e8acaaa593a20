// Of report and app alike: light or dark.
"use strict";
window.fathom = (() => {
  const root = document.documentElement;
  const asked = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  const remembered = () => {
    try {
      return localStorage.getItem("fathom-scheme");
    } catch {
      return null; // a file opened from disk may have no storage
    }
  };

  const show = (scheme) => {
    if (root.dataset.scheme === scheme) return scheme;
    root.dataset.scheme = scheme;
    document.dispatchEvent(new Event("fathom:scheme"));
    return scheme;
  };

  const toggle = () => {
    const scheme = root.dataset.scheme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("fathom-scheme", scheme);
    } catch {
      // shown now, forgotten later
    }
    return show(scheme);
  };

  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("button.scheme")) toggle();
  });
  show(remembered() || asked());
  return { scheme: () => root.dataset.scheme, show };
})();
