// Light or dark: what was chosen last, else what the operating system asks for.
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

  show(remembered() || asked());
  return { scheme: () => root.dataset.scheme, toggle };
})();
