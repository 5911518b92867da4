"""The Confluent REST Proxy v2 API, spoken over the home's broker: produce, and describe topics."""
