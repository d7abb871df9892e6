"""The tracking server: one place for a team, on MLflow's wire. ``mltrack server`` starts it."""
