"""`mtls rehearse`: prove a listener's settings on a temporary listener first."""
