"""Parts of the picture of several networks together."""
