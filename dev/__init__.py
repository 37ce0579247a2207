"""What developing and trying the project needs; no product code imports it."""
