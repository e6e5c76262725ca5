"""The example clients of docs/clients, each as it stands there, against a live gateway."""
