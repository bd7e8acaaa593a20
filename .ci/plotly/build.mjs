// Writes both bundles into dashboard/assets: the same bytes wherever `npm ci` has been run before.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, "..", "..", "dashboard", "assets");
const packed = (name) => JSON.parse(readFileSync(join(here, "node_modules", name, "package.json")));

const OPTIONS = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "iife",
  globalName: "Plotly",
  target: "es2020",
  charset: "ascii",
  legalComments: "eof",
  loader: { ".css": "empty" }, // the one style sheet is that of maps
  alias: { regl: "@plotly/regl" },
  define: { global: "window", "define.amd": "false", "process.env.NODE_DEBUG": "false" },
  logLevel: "warning",
};

// what an attribute means is told to people elsewhere; plotly's own bundles leave it out as well
const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const TOLD = new RegExp(String.raw`\bdescription:(?:${TEXT}|\[(?:${TEXT},?)*\]\.join\(" "\))(?=[,}])`, "g");

// nothing of a figure is ever sent to a server, so no address of one is needed
const SERVERS = /https:\/\/(?:cloud\.plotly\.com|cdn\.plot\.ly)[^"'`]*/g;

const packagesOf = (inputs) => {
  const there = Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0 && !path.endsWith(".css"));
  const found = there.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return [...new Set(found.filter((name) => name && name !== "plotly.js"))].sort();
};

const notice = (name, inputs) => {
  const others = packagesOf(inputs).map(packed).map((each) => `${each.name} ${each.version} (${each.license})`);
  const licence = readFileSync(join(here, "node_modules", "plotly.js", "LICENSE"), "utf8").trim();
  const lines = [
    `plotly.js v${packed("plotly.js").version}, no more of it than Fathom's figures use: ${name}`,
    "Built by .ci/plotly/build.mjs.",
    "",
    ...licence.split(/\r?\n/),
    "",
    "It brings along:",
    ...others,
  ];
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`;
};

for (const name of ["flat", "whole"]) {
  const { outputFiles, metafile } = await build({ ...OPTIONS, entryPoints: [`${name}.cjs`], outfile: `${name}.js` });
  const { inputs } = Object.values(metafile.outputs)[0];
  const code = outputFiles[0].text.replace(TOLD, 'description:""').replace(SERVERS, "");
  const target = join(assets, `plotly-${name}.min.js`);
  writeFileSync(target, notice(name, inputs) + code);
  console.log(`${target}: ${code.length} characters`);
}
