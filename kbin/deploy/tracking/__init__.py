"""What a run found, shown in MLflow and TensorBoard as well; and callbacks that do so for any `model.fit`."""
