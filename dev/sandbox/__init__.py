"""A local ALB: real control plane and data plane; what stands in for Alibaba Cloud is small and
strict.
"""
