// The plane and space.
"use strict";
const Plotly = require("./flat.cjs");

Plotly.register([require("plotly.js/lib/scatter3d"), require("plotly.js/lib/surface")]);
module.exports = Plotly;
