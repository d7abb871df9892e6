"""MLflow's wire: entities as the JSON that its clients and servers exchange, both ways."""
