// Two buttons at every picture: it as SVG (as PNG plotly has one), and the numbers in it as CSV.
"use strict";
window.fathomDownload = (() => {
  const ICONS = {
    svg: "M3 3h13l5 5v13H3V3zm2 2v14h14V9h-4V5H5zm2 11l3-4 2 3 3-5 3 6H7z",
    csv: "M3 3h18v18H3V3zm2 2v3h6V5H5zm8 0v3h6V5h-6zm-8 5v4h6v-4H5zm8 0v4h6v-4h-6zm-8 6v3h6v-3H5zm8 0v3h6v-3h-6z",
  };

  const nameOf = (place) => place.id.replace(/-figure$/, "").replace(/[^\w-]+/g, "_") || "picture";

  // a spreadsheet shall not take a name for a formula
  const cell = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  const at = (values, index, start, width) => (values ? values[index] : (start ?? 0) + index * (width ?? 1));

  const ofCells = ({ x, y, z, x0, dx, y0, dy }) =>
    Array.from(z ?? []).flatMap((row, down) =>
      Array.from(row, (value, across) => [at(x, across, x0, dx), at(y, down, y0, dy), value]),
    );

  const ofPoints = ({ x, y, z, x0, dx }) =>
    Array.from(y ?? x ?? [], (_, index) => [at(x, index, x0, dx), y?.[index], z?.[index]]);

  const rowsOf = (trace) => (trace.z && trace.z[0]?.length !== undefined ? ofCells(trace) : ofPoints(trace));

  // what stands on an axis of decades is a step after all
  const stepOf = (axis) => (x) =>
    axis?.log && typeof x === "number" ? Math.round(10 ** x - axis.shift) : x;

  const csv = (place) => {
    const inSteps = stepOf(place.layout.meta?.steps);
    const shown = place.data.filter(({ visible, hoverinfo }) => visible !== false && visible !== "legendonly" && hoverinfo !== "skip");
    const rows = shown.flatMap((trace, n) =>
      rowsOf(trace).map(([x, ...rest]) => [trace.name ?? `trace ${n + 1}`, inSteps(x), ...rest]),
    );
    return ["name,x,y,z", ...rows.map((row) => row.map(cell).join(","))].join("\r\n");
  };

  const save = (text, type, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  const icon = (path) => ({ width: 24, height: 24, path });

  const buttons = [
    {
      name: "Download picture as SVG",
      icon: icon(ICONS.svg),
      click: (place) => window.Plotly.downloadImage(place, { format: "svg", filename: nameOf(place) }),
    },
    {
      name: "Download data as CSV",
      icon: icon(ICONS.csv),
      click: (place) => save(csv(place), "text/csv", `${nameOf(place)}.csv`),
    },
  ];

  return { buttons, csv, nameOf };
})();
