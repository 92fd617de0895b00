"""Settings compared by cross-validation: combinations, folds, trials, and the choice of one."""
