"""One listener, pure: as an AlbConfig declares it, as ALB enforces it, and who owns it."""
