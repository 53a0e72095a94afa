"""What a template imports that is to be as warm as a lab's, and whose children do not rehearse."""

from pytest_labkit.services import aws

aws.warm("dynamodb")
