"""A local ALB with a real control plane and a real data plane.

What stands in for Alibaba Cloud is small and strict.
"""
