"""A plugin for MLflow: ``mltrack:///PATH`` as a backend store, so that MLflow's own UI opens an mltrack store.

MLflow finds it by the entry points ``mlflow.tracking_store`` and ``mlflow.model_registry_store``.
"""
