"""HTTPS mutual authentication on ALB Ingress listeners of Alibaba Cloud ACK."""
