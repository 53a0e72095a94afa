"""
Faults put between an answer and a service; each undoes itself, also when the test raises.

`dynamodb` stands in front of DynamoDB and speaks its HTTP.
"""
