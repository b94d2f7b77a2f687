"""Webhooks: what other systems are told, signed and retried. Others use `subscriptions`, `notices`
and `deliveries`."""
