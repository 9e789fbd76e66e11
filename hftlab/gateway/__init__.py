"""Many servers of one source: a publisher, and gateways that serve its market data and accounts, over NATS."""

from hftlab.gateway.gateway import Gateway
from hftlab.gateway.local_cluster import LocalCluster
from hftlab.gateway.nats_server import NatsServer
from hftlab.gateway.nats_terms import DEFAULT_NATS, NatsTerms
from hftlab.gateway.publisher_node import PublisherNode

__all__ = ["DEFAULT_NATS", "Gateway", "LocalCluster", "NatsServer", "NatsTerms", "PublisherNode"]
