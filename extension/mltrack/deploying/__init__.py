"""Models leaving the notebook: environments, images, projects for other engines, and predictions in batches."""
