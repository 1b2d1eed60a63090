"""The worker on Kafka: the only package that knows Kafka clients."""
