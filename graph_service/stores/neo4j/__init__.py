"""The graph in Neo4j: the server, the connection, publishing, look-ups, detectors in Cypher."""
