"""
Given: an index of documents that are found by the words in them. Leave this file as it is.

Behind it is OpenSearch (3.9) or Elasticsearch (7.17), whichever runs at `SEARCH_URL`; the code that uses it
need not know which. Nothing is imported and no connection made before the first call.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

TIMEOUT_S = 10.0

# Whatever a field holds is indexed twice: by its words, and as a whole in its subfield `exact`. So no
# document is refused because a field was a number in an earlier one, or looked like a date.
_AS_TEXT = {"type": "text", "fields": {"exact": {"type": "keyword", "ignore_above": 8191}}}
_MAPPINGS = {
    "date_detection": False,
    "dynamic_templates": [
        {"objects": {"match_mapping_type": "object", "mapping": {"type": "object", "enabled": False}}},
        {"values": {"match_mapping_type": "*", "mapping": _AS_TEXT}},
    ],
}
_SETTINGS = {
    "number_of_shards": 1,
    "number_of_replicas": 0,
    "refresh_interval": "1s",
    "gc_deletes": "1d",  # how long a deletion is remembered, and refuses older versions
}


class SearchFailed(Exception):
    """The engine cannot be reached, or has refused a request; what it said is the text."""


class SearchIndex:
    """
    The index *name*: documents by id. Any number of threads and processes may use it at once.

    A name is lower case: letters, digits, `-` and `_`. The index is there from its first document on, and
    before that it is empty. What was put or deleted is stored when the call returns, and shows in searches
    a second later, or once `refresh` was called.

    A document is a dict of JSON values, and comes back as it was put. Its top-level fields are searched:
    text, numbers, booleans, and lists of these, where a list counts as one text and as each of its values.
    What is deeper (a dict, or a list of dicts) is kept and not searched. An index can take some 400 different
    field names, and a field is a dict in all documents or in none.

    Every method raises `SearchFailed` if the engine does not do what it is asked for.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def put(self, doc_id: str, document: Mapping[str, Any], *, version: int | None = None) -> bool:
        """
        Store *document* under *doc_id*, in the place of the one that is there; whether that was done.

        With a *version* (0 or more) it is done unless a newer version was put or deleted before: then
        nothing is changed, and the result is `False`. The same version again is written again. Give all
        documents of an index a version, or none: without one, the last call wins.
        """
        said = self._ask("PUT", self._document(doc_id), _versioned(version), dict(document), ignore=409)
        return said.get("result") in ("created", "updated")

    def delete(self, doc_id: str, *, version: int | None = None) -> bool:
        """
        Remove the document; whether there was one and it is gone.

        With a *version* it stays if a newer one was put. The deletion is remembered for a day: until then,
        `put` with an older version changes nothing.
        """
        said = self._ask("DELETE", self._document(doc_id), _versioned(version), ignore=(404, 409))
        return said.get("result") == "deleted"

    def search(
        self, text: str, *, field: str, size: int = 100, **exact: str | float | bool
    ) -> list[dict[str, Any]]:
        """
        The documents whose *field* holds every word of *text*, the best matches first.

        Words are compared whole, in any order, and capital letters are like small ones: `"Red mug"` finds
        `"a mug that is red"`, `"mug"` does not find `"mugs"`. A text without a word finds nothing.

        Args:
            text: The words.
            field: Where they have to be, all of them in the same document.
            size: How many documents at most, 10,000 or less.
            exact: Fields that must be equal to these values, or lists that hold them (capital letters count;
                texts of more than 8,191 characters are never equal): `search("mug", field="items",
                status="confirmed")`.
        """
        query = {
            "must": [{"match": {field: {"query": text, "operator": "and"}}}],
            "filter": [{"term": {f"{name}.exact": value}} for name, value in exact.items()],
        }
        asked = {"size": size, "query": {"bool": query}}
        said = self._ask("POST", f"/{self._index}/_search", {"ignore_unavailable": "true"}, asked)
        return [hit["_source"] for hit in said["hits"]["hits"]]

    def refresh(self) -> None:
        """Let searches show all that was put and deleted until now."""
        self._ask("POST", f"/{self._index}/_refresh", {"ignore_unavailable": "true"})

    def clear(self) -> None:
        """Remove all documents, and what is remembered of their versions; searches show that at once."""
        self._ask("DELETE", f"/{self._index}", ignore=404)

    @cached_property
    def _index(self) -> str:
        """Its name in the engine, which makes it with our settings whenever it is missing and written to."""
        index = os.environ.get("SEARCH_PREFIX", "") + self._name
        made_so = {"settings": {"index": _SETTINGS}, "mappings": _MAPPINGS}
        asked = {"index_patterns": [index], "priority": 500, "template": made_so}
        self._ask("PUT", f"/_index_template/{index}", body=asked)
        return index

    def _document(self, doc_id: str) -> str:
        return f"/{self._index}/_doc/{quote(doc_id, safe='')}"

    def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        ignore: int | tuple[int, ...] = (),
    ) -> Any:
        """The engine's answer; one with a status of *ignore* is an answer too."""
        asked = {**(params or {}), "ignore": ignore}
        try:
            return self._client.transport.perform_request(
                method, path, params=asked, body=body, headers={"content-type": "application/json"}
            )
        except _client_errors() as error:
            raise SearchFailed(f"{method} {path}: {error}") from error

    @cached_property
    def _client(self) -> Any:
        if _is_elasticsearch():
            from elasticsearch import Elasticsearch

            return Elasticsearch([os.environ["SEARCH_URL"]], timeout=TIMEOUT_S)
        from opensearchpy import OpenSearch

        return OpenSearch([os.environ["SEARCH_URL"]], timeout=TIMEOUT_S)


def _versioned(version: int | None) -> dict[str, Any]:
    return {} if version is None else {"version": version, "version_type": "external_gte"}


def _is_elasticsearch() -> bool:
    return os.environ.get("SEARCH_ENGINE") == "elasticsearch"


def _client_errors() -> type[Exception]:
    if _is_elasticsearch():
        from elasticsearch import ElasticsearchException

        return ElasticsearchException
    from opensearchpy import OpenSearchException

    return OpenSearchException
