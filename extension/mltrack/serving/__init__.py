"""Models as local servers: a front that speaks HTTP, and workers that each hold the model."""
