"""Parts of the pictures of how far predictions can be trusted."""
