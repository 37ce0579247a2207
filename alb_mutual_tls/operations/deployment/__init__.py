"""Deploying in a pipeline: plan, deploy, prove, roll back, renew."""
