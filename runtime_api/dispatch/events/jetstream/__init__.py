"""Events on NATS JetStream, for several servers to share."""
