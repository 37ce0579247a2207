"""One listener: as AlbConfig declares it, as ALB enforces it, who owns it. Pure."""
