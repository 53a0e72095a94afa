"""
Faults put between an answer and a service, and on services; each undoes itself, also when the test raises.

`dynamodb` stands in front of DynamoDB and speaks its HTTP. A `link` stands in front of anything and knows
only bytes, or Kafka's own protocol as far as it must; `servers` kills and pauses what the kit has started.
`faults` puts them together: it is what the fixture of that name is.
"""
