"""Is a generation good enough to go live? Its graph against exact search."""

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from catalog.live_index import LiveIndex
from catalog.vectors import read_rows, vector_literal
from indexing.models import IndexEvaluation
from indexing.planning import Check

QUERIES = 200
NEIGHBOURS = 20
TIE = 1e-4  # half-precision inner products nearer than this are equal


def evaluate_generation(index: LiveIndex, check: Check) -> IndexEvaluation:
    """Measures the generation, stores the figures, and says whether it passes the gates."""
    queries = _sample(index)
    recalls = []
    for query in queries:
        recalls.append(graph_recall(index, query))
        check()
    recall = float(np.mean(recalls)) if recalls else 0.0
    reasons = []
    if recall < settings.GATE_RECALL_AT_20:
        reasons.append(f"recall@20 {recall:.3f} is below {settings.GATE_RECALL_AT_20}")
    index.generation.recall_at_20 = recall
    index.generation.note = "; ".join(reasons)
    index.generation.save(update_fields=["recall_at_20", "note"])
    return IndexEvaluation.objects.create(
        generation=index.generation,
        queries=len(queries),
        recall_at_20=recall,
        figures={"recall_at_20": recall, "reasons": reasons},
        passed=not reasons,
    )


def graph_recall(index: LiveIndex, query: np.ndarray) -> float:
    """Share of the exact NEIGHBOURS nearest vectors that the graph finds. An answer as near as the
    last of the exact ones counts: identical photos may change places."""
    exact = _distances(index, query, graph=False)
    found = _distances(index, query, graph=True)
    return recall_of_distances(exact, found)


def recall_of_distances(exact: np.ndarray, found: np.ndarray) -> float:
    """Distances of the exact nearest and of those found, ascending → recall, 0 to 1."""
    if not len(exact):
        return 1.0
    return min(1.0, float((found <= exact[-1] + TIE).sum()) / len(exact))


def _sample(index: LiveIndex) -> list[np.ndarray]:
    """Vectors of the generation itself, taken at random, as queries (float32, 128 numbers)."""
    share = min(100.0, 100.0 * 2 * QUERIES / max(index.generation.images, 1))
    query = sql.SQL(
        "SELECT vector FROM {table} TABLESAMPLE BERNOULLI ({share}) REPEATABLE (7) LIMIT {n}"
    ).format(
        table=sql.Identifier(index.generation.vector_table),
        share=sql.Literal(share),
        n=sql.Literal(QUERIES),
    )
    return [row[0].astype(np.float32) for row in read_rows(query, ["halfvec"])]


def _distances(index: LiveIndex, query: np.ndarray, graph: bool) -> np.ndarray:
    statement = sql.SQL(
        "SELECT vector <#> {query} FROM {table} ORDER BY vector <#> {query} LIMIT {n}"
    ).format(
        query=sql.SQL("{}::halfvec").format(sql.Literal(vector_literal(query))),
        table=sql.Identifier(index.generation.vector_table),
        n=sql.Literal(NEIGHBOURS),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        if graph:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"SET LOCAL hnsw.ef_search = {settings.HNSW_EF_SEARCH:d}")
        else:
            cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute(statement)
        return np.array([row[0] for row in cursor.fetchall()])
