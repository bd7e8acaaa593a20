"""Parts of the picture of a dropout ensemble."""
