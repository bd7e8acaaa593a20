"""The pictures of a loss landscape: lines, planes, surfaces, and what stands beside them."""
