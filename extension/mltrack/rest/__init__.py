"""A store behind a tracking server, mltrack's or MLflow's: what notebooks need of it, on MLflow's wire."""
