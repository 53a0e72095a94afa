"""DynamoDB's operations on data, by name."""

WRITES = frozenset(
    {
        "BatchExecuteStatement",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "ExecuteTransaction",
        "PutItem",
        "TransactWriteItems",
        "UpdateItem",
    }
)
READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
DATA = WRITES | READS
