"""Quipu beside its peers on one generated workload."""
