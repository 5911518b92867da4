"""The Confluent REST Proxy v2 API over the home's broker: produce, and describe topics."""
