// All that a drawing in the plane needs; a new type of trace is added here and built again.
"use strict";
const Plotly = require("plotly.js/lib/core"); // brings scatter along

Plotly.register([
  require("plotly.js/lib/bar"),
  require("plotly.js/lib/heatmap"),
  require("plotly.js/lib/contour"),
]);
module.exports = Plotly;
