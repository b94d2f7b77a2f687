"""What only a server of Qdrant does: shards, replicas, 8 bits, payload indexes, a graph that is
built in the background, aliases. The tests compare its requests with the documented API
(https://api.qdrant.tech). They have not been run on a server."""

import time
from typing import Any

from django.conf import settings
from django.db import OperationalError
from qdrant_client import QdrantClient, models

from catalog.index.stores.product_attributes import INTEGERS, KEYWORDS
from catalog.index.stores.qdrant_points import GraphShape

NO_GRAPH = 0  # m while a collection is filled
INDEXING_THRESHOLD_KB = 10_000  # Qdrant's default: smaller segments are compared without a graph
POLL_S = 0.5
QUIET_POLLS = 3  # in which the collection must be green: optimisations begin after a moment


def create_collection(
    client: QdrantClient, name: str, vectors: models.VectorParams, metadata: dict[str, Any]
) -> None:
    """Creates a collection of QDRANT_SHARDS shards, each kept QDRANT_REPLICAS times, which builds
    no graph yet. Vectors are searched by 8 bits in memory, and compared by 16 bits on disk. Payload
    indexes come first, because the graph gets links for them."""
    vectors.on_disk = True
    client.create_collection(
        name,
        vectors,
        shard_number=settings.QDRANT_SHARDS,
        replication_factor=settings.QDRANT_REPLICAS,
        write_consistency_factor=settings.QDRANT_REPLICAS // 2 + 1,
        on_disk_payload=True,
        hnsw_config=models.HnswConfigDiff(m=NO_GRAPH),
        quantization_config=models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(
                type=models.ScalarType.INT8, quantile=0.99, always_ram=True
            )
        ),
        metadata=metadata,
    )
    for field in INTEGERS:
        client.create_payload_index(name, field, models.PayloadSchemaType.INTEGER, wait=True)
    for field in KEYWORDS:
        client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD, wait=True)


def build_graph(client: QdrantClient, name: str, shape: GraphShape) -> None:
    """Lets the server build the graph, and waits for it. Raises OperationalError if it fails."""
    client.update_collection(
        name,
        hnsw_config=models.HnswConfigDiff(m=shape.m, ef_construct=shape.ef_construction),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=INDEXING_THRESHOLD_KB),
    )
    quiet = 0
    while quiet < QUIET_POLLS:
        time.sleep(POLL_S)
        info = client.get_collection(name)
        if info.status == models.CollectionStatus.RED:
            raise OperationalError(f"Qdrant cannot build the graph: {info.optimizer_status}")
        quiet = quiet + 1 if info.status == models.CollectionStatus.GREEN else 0


def point_alias(client: QdrantClient, alias: str, name: str) -> None:
    """Lets `alias` stand for the collection `name`, in one step if it stood for another."""
    old = [each.alias_name for each in client.get_aliases().aliases]
    operations: list[models.AliasOperations] = []
    if alias in old:
        operations.append(
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
        )
    operations.append(
        models.CreateAliasOperation(
            create_alias=models.CreateAlias(collection_name=name, alias_name=alias)
        )
    )
    client.update_collection_aliases(operations)
