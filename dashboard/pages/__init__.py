"""The parts of the live app that speak to the browser."""
