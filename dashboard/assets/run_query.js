// Which of the runs are shown, and in which order: the words of the filter, the columns of the table.
"use strict";
window.fathomRunQuery = (() => {
  const STATES = { running: "live", stale: "stale", finished: "finished", failed: "failed", killed: "killed", unreadable: "unreadable" };
  const WORST = ["error", "warning", "hint"];

  const number = (value) => (value === null || value === undefined ? NaN : Number(value)); // "inf" and "nan" are texts
  const lastOf = (value) => (value ? number(value.last === "inf" ? "Infinity" : value.last) : NaN);
  const took = (run) => (run.began ? Math.max(0, (["running", "stale"].includes(run.state) ? Date.now() / 1000 : run.updated) - run.began) : NaN);

  // how bad: by the worst, then by how many there are of it
  const badness = (run) => {
    if (!run.verdicts) return NaN;
    const many = WORST.map((severity) => run.verdicts.filter(([each]) => each === severity).length);
    return many[0] * 1e6 + many[1] * 1e3 + many[2];
  };

  const KEYS = {
    name: (run) => run.name,
    state: (run) => STATES[run.state] ?? run.state,
    verdicts: badness,
    loss: (run) => lastOf(run.loss),
    validation: (run) => lastOf(run.validation),
    score: (run) => lastOf(run.score),
    steps: (run) => number(run.steps),
    started: (run) => run.began || NaN,
    took,
    model: (run) => run.model,
  };
  const DESCENDS = ["verdicts", "score", "steps", "started", "took"]; // at the first click

  // what is not known comes last, whichever way
  const compared = (one, other, way) => {
    const [left, right] = [one, other].map((each) => each === "" || Number.isNaN(each));
    if (left || right) return left - right;
    return way * (typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one < other ? -1 : one > other ? 1 : 0);
  };

  const sorted = (runs, { key, way }) => {
    const of = KEYS[key] ?? KEYS.started;
    const keyed = runs.map((run) => [of(run), run]);
    keyed.sort(([a, one], [b, other]) => compared(a, b, way) || compared(one.began, other.began, -1) || compared(one.name, other.name, 1));
    return keyed.map(([, run]) => run);
  };

  const readSort = (text) => {
    const key = (text ?? "").replace(/^-/, "");
    return key in KEYS ? { key, way: text.startsWith("-") ? -1 : 1 } : { key: "started", way: -1 };
  };
  const writeSort = ({ key, way }) => (key === "started" && way < 0 ? "" : `${way < 0 ? "-" : ""}${key}`);

  const TEXTS = {
    name: (run) => [run.name],
    state: (run) => [STATES[run.state] ?? run.state, run.state],
    tag: (run) => run.tags,
    model: (run) => [run.model],
    verdict: (run) => (run.verdicts ?? []).flatMap((verdict) => verdict),
  };
  const ALIKE = { tags: "tag", verdicts: "verdict", is: "state", run: "name" };
  const known = new WeakMap(); // of thousands of runs, at each letter of the filter
  const haystack = (run) => {
    if (!known.has(run)) known.set(run, Object.values(TEXTS).flatMap((texts) => texts(run)).join("\n").toLowerCase());
    return known.get(run);
  };

  const NUMBERS = { steps: (run) => number(run.steps), parameters: (run) => number(run.parameters), took };
  const ROLES = { loss: "loss", validation: "validation", score: "score" };
  const valueOf = (run, name) => {
    if (NUMBERS[name]) return NUMBERS[name](run);
    const own = Object.entries(run.values).find(([each]) => each.toLowerCase() === name);
    if (own) return lastOf({ last: own[1] });
    return ROLES[name] ? lastOf(run[ROLES[name]]) : NaN;
  };
  const HOLDS = {
    "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "=": (a, b) => a === b,
  };

  const COMPARED = /^([^<>=:"]+)(<=|>=|<|>|=)([-+.\d][-+.\de]*)$/i;
  const KEYED = /^([a-z]+):"?([^"]*)"?$/i;

  const test = (word) => {
    const bound = COMPARED.exec(word);
    if (bound) {
      const [name, limit] = [bound[1].toLowerCase(), Number(bound[3])];
      return (run) => HOLDS[bound[2]](valueOf(run, name), limit);
    }
    const keyed = KEYED.exec(word);
    const texts = keyed && TEXTS[ALIKE[keyed[1].toLowerCase()] ?? keyed[1].toLowerCase()];
    if (texts) return (run) => texts(run).some((each) => each.toLowerCase().includes(keyed[2].toLowerCase()));
    const plain = word.replaceAll('"', "").toLowerCase();
    return (run) => haystack(run).includes(plain);
  };

  // every word must fit; one that begins with "-" must not
  const filter = (text) => {
    const words = text.match(/(?:[^\s"]+|"[^"]*"?)+/g) ?? [];
    const tests = words.map((word) => {
      if (word.length < 2 || !word.startsWith("-")) return test(word);
      const fits = test(word.slice(1));
      return (run) => !fits(run);
    });
    return (run) => tests.every((fits) => fits(run));
  };

  return { STATES, DESCENDS, filter, sorted, readSort, writeSort, took };
})();
