"""How good a model is on data with known answers: metrics, tables and charts, slices, a baseline, thresholds."""
