"""The controller of one pair (observe, plan, act), the registry of all pairs, status, history."""
