// What `dashboard/delta.py` says has changed of a figure, put into it; arrays as plotly likes them.
//
// A figure comes as JSON whose arrays are packed: {dtype, bdata, shape}. `decoded` makes typed arrays
// of them (of two axes: an array of typed rows), which plotly draws as they are. An array that no
// change touches stays the same object, and plotly sees at a glance that it has nothing to do there.
"use strict";
window.fathomDelta = (() => {
  const TYPES = {
    f8: Float64Array,
    f4: Float32Array,
    i4: Int32Array,
    u4: Uint32Array,
    i2: Int16Array,
    u2: Uint16Array,
    i1: Int8Array,
    u1: Uint8Array,
    u1c: Uint8ClampedArray,
  };

  const isPacked = (value) => typeof value?.bdata === "string" && typeof value.dtype === "string";
  const isFlat = (value) => ArrayBuffer.isView(value);

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

  // half precision, which not every browser knows
  const widened = (half) => {
    const [sign, power, rest] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (power === 31) return rest ? NaN : sign * Infinity;
    return sign * (power ? 2 ** (power - 15) * (1 + rest / 1024) : (2 ** -14 * rest) / 1024);
  };

  const flat = ({ dtype, bdata }) =>
    dtype === "f2" ? Float32Array.from(new Uint16Array(bytes(bdata)), widened) : new TYPES[dtype](bytes(bdata));

  const shaped = (values, [length, ...inner]) => {
    if (!inner.length) return values;
    const size = inner.reduce((product, n) => product * n, 1);
    return Array.from({ length }, (_, row) => shaped(values.subarray(row * size, (row + 1) * size), inner));
  };

  const unpacked = (packed) => shaped(flat(packed), String(packed.shape ?? "").split(",").map(Number));

  // what holds nothing packed stays the same object
  const decoded = (value) => {
    if (value === null || typeof value !== "object" || isFlat(value)) return value;
    if (isPacked(value)) return unpacked(value);
    const pairs = Object.entries(value).map(([key, each]) => [key, decoded(each)]);
    if (pairs.every(([key, each]) => each === value[key])) return value;
    return Array.isArray(value) ? pairs.map(([, each]) => each) : Object.fromEntries(pairs);
  };

  const joined = (parts) => {
    if (!parts.every(isFlat)) return parts.flatMap((part) => Array.from(part));
    const filled = parts.filter((part) => part.length);
    const kinds = new Set(filled.map((part) => part.constructor));
    const kind = kinds.size === 1 ? [...kinds][0] : Float64Array; // holds what any of them holds
    const whole = new kind(filled.reduce((length, part) => length + part.length, 0));
    let start = 0;
    for (const part of filled) {
      whole.set(part, start);
      start += part.length;
    }
    return whole;
  };

  const changed = (before, change) => {
    if ("value" in change) return decoded(change.value);
    const [node, tail] = [decoded(before), decoded(change.tail)];
    const { columns, from, to } = change;
    if (columns !== undefined) return node.map((row, n) => joined([row.slice(0, columns), tail[n]]));
    return joined([node.slice(0, from), tail, node.slice(to)]);
  };

  const within = (node, [key, ...rest], change) => {
    if (key === undefined) return changed(node, change);
    if (change.gone && !rest.length) {
      const { [key]: _, ...others } = node;
      return others;
    }
    const copy = Array.isArray(node) ? [...node] : { ...node };
    copy[key] = within(node[key], rest, change);
    return copy;
  };

  // a new figure; the one before stays as it is
  const applied = (figure, changes) =>
    changes.reduce((node, change) => within(node, change.path, change), decoded(figure));

  return { decoded, applied };
})();
